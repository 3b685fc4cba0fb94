//! Wallets and vouchers that are bound to no region, wallets of crypto exchanges among them.

methods! {
    bybit_pay => BybitPay,
    gatepay => GatePay,
    kucoin_pay => KuCoinPay,
    vega => Vega,
    voucherry => Voucherry,
}
