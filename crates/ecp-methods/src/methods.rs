//! The built-in methods. This list is the only place that names them: a new file needs one line
//! here.

macro_rules! methods {
    ($($module:ident => $method:ident,)*) => {
        $(
            mod $module;
            pub use self::$module::$method;
        )*

        /// Every built-in method.
        pub(crate) fn builtin() -> Vec<std::sync::Arc<dyn crate::DynMethod>> {
            vec![$(std::sync::Arc::new($method)),*]
        }
    };
}

methods! {
    eco_voucher => EcoVoucher,
    jeton => Jeton,
    touchngo => TouchNGo,
    wallet_partner => WalletPartner,
}
