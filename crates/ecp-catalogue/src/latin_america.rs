//! Wallets and vouchers of Latin America.

methods! {
    copec_pay => CopecPay,
    mercado_pago => MercadoPago,
    nequi => Nequi,
    oxxo => Oxxo,
    pagoefectivo => PagoEfectivo,
    peru_qr => PeruQr,
    prepago_los_heroes => PrepagoLosHeroes,
    superdigital => Superdigital,
    tapp => Tapp,
    tenpo => Tenpo,
    tigo_money => TigoMoney,
    yape => Yape,
}
