//! Wallets and vouchers of Africa and the Middle East.

methods! {
    baridimob => BaridiMob,
    cash_plus => CashPlus,
    chaabi_cash => ChaabiCash,
    damane_cash => DamaneCash,
    fawry => Fawry,
    instapay => InstaPayEgypt,
    jibi => Jibi,
    one_voucher => OneVoucher,
    orange_morocco => OrangeMorocco,
    pyypl => Pyypl,
}
