//! Wallets of Europe, with Türkiye and Azerbaijan.

methods! {
    bancomat_pay => BancomatPay,
    mbway => MbWay,
    mpay_wallet => MPay,
    papara => Papara,
    satispay => Satispay,
    skrill => Skrill,
}
