//! Wallets of Southeast Asia.

methods! {
    boost => Boost,
    coinsph => CoinsPh,
    dana => Dana,
    duitnow => DuitNow,
    gcash => GCash,
    gotyme => GoTyme,
    grabpay => GrabPay,
    kbzpay => KbzPay,
    linkaja => LinkAja,
    momo => MoMo,
    ovo => Ovo,
    palawan_pay => PalawanPay,
    paymaya => PayMaya,
    shopee => ShopeePay,
    truemoney => TrueMoney,
    viettelpay => ViettelPay,
    vnptpay => VnptPay,
    wave_money => WaveMoney,
    zalopay => ZaloPay,
}
