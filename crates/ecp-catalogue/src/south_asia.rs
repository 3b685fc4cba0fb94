//! Wallets of South Asia.

methods! {
    bkash => BKash,
    cellpay => CellPay,
    easypaisa => Easypaisa,
    esewa => ESewa,
    globepay => GlobePay,
    imepay => ImePay,
    ipay_sri_lanka => IPaySriLanka,
    jazzcash => JazzCash,
    khalti => Khalti,
    nagad => Nagad,
    netwallet => NetWallet,
    rocket => Rocket,
    upaisa => UPaisa,
    upay_sri_lanka => UpaySriLanka,
    zindigi => Zindigi,
}
