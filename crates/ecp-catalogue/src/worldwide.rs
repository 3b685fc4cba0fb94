//! Wallets and vouchers of no particular region, such as those of crypto exchanges.

methods! {
    bybit_pay => BybitPay,
    gatepay => GatePay,
    kucoin_pay => KuCoinPay,
    vega => Vega,
    voucherry => Voucherry,
}
