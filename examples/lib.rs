//! Examples are beside this file: `cargo run -p ecp-examples --example sale`.

/// Compiles and runs the code of a document as documentation tests.
macro_rules! documents {
    ($($name:ident: $path:literal,)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($path)]
        pub struct $name;
    )*};
}

documents! {
    Readme: "../README.md",
    Contributing: "../CONTRIBUTING.md",
    Introduction: "../docs/introduction.md",
    GettingStarted: "../docs/getting-started.md",
    GoingLive: "../docs/going-live.md",
    Methods: "../docs/METHODS.md",
    Callbacks: "../docs/callbacks.md",
    Console: "../docs/console.md",
    Payouts: "../docs/payouts.md",
    Operations: "../docs/operations.md",
    Running: "../docs/operations/running.md",
    Containers: "../docs/operations/containers.md",
    Systemd: "../docs/operations/systemd.md",
    TheProxy: "../docs/operations/proxy.md",
    Monitoring: "../docs/operations/monitoring.md",
    Backup: "../docs/operations/backup.md",
    Troubleshooting: "../docs/operations/troubleshooting.md",
    Faq: "../docs/operations/faq.md",
    Reports: "../docs/reports.md",
    Reconciliation: "../docs/reconcile.md",
    Observability: "../docs/observability.md",
    FromThePhpSdk: "../docs/from-the-php-sdk.md",
    OtherLanguages: "../docs/other-languages.md",
    TheSandbox: "../docs/sandbox.md",
    Signature: "../docs/signature.md",
    Security: "../docs/security.md",
    Performance: "../docs/performance.md",
    Scale: "../docs/scale.md",
    AddingAMethod: "../docs/adding-a-method.md",
    Architecture: "../docs/ARCHITECTURE.md",
    Sources: "../docs/sources.md",
    Documents: "../docs/documents.md",
    Comparison: "../docs/comparison.md",
}
