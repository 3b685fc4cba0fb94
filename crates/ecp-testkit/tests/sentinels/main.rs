//! Every crate's ways, good and bad, with marked secrets and personal data everywhere; and nothing
//! of it in what is logged, measured, or printed by `Debug` and by errors. The `ecp` command has the
//! same test among its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callbacks;
mod console;
mod gate;
mod inbox;
mod marks;
mod payouts;

use ecp_testkit::sentinels::Capture;

#[test]
fn no_crate_shows_a_secret_or_anything_of_a_customer() {
    let capture = Capture::new();
    capture.install();
    let mut sentinels = marks::sentinels();
    // Where nothing real is waited for, no time passes.
    let mut timeless = tokio::runtime::Builder::new_current_thread();
    timeless.enable_all().start_paused(true).build().unwrap().block_on(async {
        for signature in gate::requests(&capture).await {
            sentinels.add("a request's signature", &signature);
        }
        gate::pages(&capture);
        for signature in gate::data_api(&capture).await {
            sentinels.add("a question's signature", &signature);
        }
    });
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        gate::over_sockets(&capture).await;
        callbacks::receiver(&capture).await;
        callbacks::confirmations(&capture).await;
        callbacks::operations(&capture).await;
        inbox::embedded(&capture).await;
        inbox::postgres(&capture).await;
        console::pages(&capture).await;
        payouts::mass_payout(&capture).await;
        callbacks::whole_way(&capture).await;
    });
    for signature in marks::signatures() {
        sentinels.add("a callback's signature", &signature);
    }
    assert!(sentinels.len() > 100, "{}", sentinels.len());
    let leaks: Vec<String> = capture.leaks(&sentinels).iter().map(ToString::to_string).collect();
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));

    documented(&capture);
}

/// The run is worth something only if it comes by everything that is documented, and the document
/// only if it names everything that the run comes by.
fn documented(capture: &Capture) {
    let document = std::fs::read_to_string("../../docs/observability.md").unwrap();
    // A name is the first cell of a row, in code quotes.
    let section = |heading: &str| -> std::collections::BTreeSet<String> {
        let from = document.find(heading).unwrap_or_else(|| panic!("no {heading}"));
        let text = &document[from + heading.len()..];
        let text = &text[..text.find("\n## ").unwrap_or(text.len())];
        let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        cells.map(|(name, _)| name.to_owned()).collect()
    };
    // The sandbox is not among them: what it logs is for its own users.
    let seen = capture.names(|of| of.starts_with("ecp_") && of != "ecp_sandbox");
    assert_eq!(section("\n## Spans\n"), seen.spans, "spans: documented, seen");
    let mut fields = section("\n## Fields\n");
    // The run's platform signs in no other order than it should.
    assert!(fields.remove("ecp.signature.order"));
    assert_eq!(fields, seen.fields, "fields: documented, seen");
    let metrics = section("\n## Metrics\n");
    let listed =
        [ecp_transport::METRICS, ecp_notify::METRICS, ecp_inbox::METRICS, ecp_payouts::METRICS];
    for metric in listed.concat() {
        let row = format!("| `{}` | {} |", metric.name(), metric.description());
        assert!(document.contains(&row), "{row} is not in docs/observability.md");
    }
    let listed = listed.concat().iter().map(|metric| metric.name().to_owned()).collect();
    assert_eq!(metrics, listed, "metrics: documented, listed");
    assert_eq!(seen.metrics, listed, "metrics: seen, listed");
}

/// Brings a mark out somewhere.
type Leak<'l> = &'l dyn Fn(&Capture);

/// What is looked for is found wherever it comes out, so that finding nothing means something.
#[test]
fn each_way_to_leak_is_noticed() {
    let sentinels = marks::sentinels();
    let (key, mail) = (marks::KEY, marks::value(ecp_methods::request::Field::CUSTOMER_EMAIL));
    let leaky: [(&str, Leak<'_>); 8] = [
        ("a span's field", &|_| drop(tracing::info_span!("leak", customer = mail))),
        ("a field recorded later", &|_| {
            let span = tracing::trace_span!("leak", customer = tracing::field::Empty);
            span.record("customer", mail);
        }),
        ("an event's field", &|_| tracing::trace!(?mail, "leak")),
        ("an event's message", &|_| tracing::trace!("leak of {key}")),
        ("an event of another crate", &|_| tracing::trace!(target: "hyper::proto", "{key}")),
        ("a record of log", &|capture| {
            let arguments =
                format_args!("executing statement with parameters: {:?}", key.as_bytes());
            let record = log::Record::builder().args(arguments).level(log::Level::Debug).build();
            log::Log::log(capture, &record);
        }),
        ("a label", &|capture| {
            let meter = ecp_core::observe::Meter::new(capture.clone());
            meter.count(ecp_inbox::METRICS[0], 1, &[("ecp.outcome", marks::KEY)]);
        }),
        ("an error's cause", &|capture| {
            let error = std::io::Error::other(std::io::Error::other(key));
            capture.result("leak", &Err::<(), _>(error));
        }),
    ];
    for (way, leak) in leaky {
        let capture = Capture::new();
        tracing::subscriber::with_default(capture.clone(), || {
            tracing::info!("nothing");
            assert_eq!(capture.leaks(&sentinels).len(), 0, "{way}");
            leak(&capture);
        });
        assert_ne!(capture.leaks(&sentinels).len(), 0, "{way} is not noticed");
    }
}
