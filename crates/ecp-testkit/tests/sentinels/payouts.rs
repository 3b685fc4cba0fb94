//! Mass payouts: a file with bad rows, a run through failures, its journal and its results; and what
//! the platform says of it, held against that.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::PaymentId;
use ecp_core::Sensitive;
use ecp_inbox::Inbox;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_methods::Registry;
use ecp_payouts::{
    Counts, Journal, Layout, Owner, Payer, Plan, Progress, Settings, State, Stop, write_results,
};
use ecp_reconcile::{Interval, Reconcile};
use ecp_sandbox::Sandbox;
use ecp_testkit::sentinels::Capture;
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{DataApi, Gate, Sender, TowerTransport};

use crate::callbacks::verifier;
use crate::gate::{policy, retry, sandbox};
use crate::marks::{
    DATA_KEY, KEY, OTHER_KEY, TOKEN, WRONG_TOKEN, callback, payout_file, project, secret, sign,
};

struct Captured(Capture);

impl Progress for Captured {
    fn row(&self, payment_id: &PaymentId, state: State, counts: &Counts) {
        self.0.note("progress", format!("{payment_id} {state} {counts:?}"));
    }
}

pub(crate) async fn mass_payout(capture: &Capture) {
    let read = |file| Plan::read(file, &Layout::new(), &Registry::builtin(), project());
    capture.result("a bad plan", &read(payout_file(true)));
    let plan = read(payout_file(false)).unwrap();
    capture.debug("a plan", &plan);
    capture.debug("rows", &plan.rows().collect::<Vec<_>>());

    for (key, name) in [(KEY, "right"), (OTHER_KEY, "wrong")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payouts.journal");
        let owner = Owner::new(project(), "http://localhost");
        let sandbox = sandbox();
        let faults = [Fault::ResetBefore, Fault::ResetAfter, Fault::Truncated, Fault::Refused];
        let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), move |place, _| {
            faults.get(place).cloned().unwrap_or(Fault::None)
        });
        let gate = Gate::new(project(), &secret(key), Arc::new(faults)).observer(capture.clone());
        let journal = Journal::open(&path, &owner.clone()).unwrap();
        capture.debug("a journal", &journal);
        let settings = Settings::new()
            .policy(policy())
            .not_found_after(Duration::from_millis(50))
            .first_question(Duration::from_millis(1))
            .patience(Duration::from_secs(5));
        let payer = Payer::new(gate, journal, settings);
        capture.debug("a payer", &payer);
        let counts = payer.run(&plan, &Stop::new(), &Captured(capture.clone())).await;
        capture.result("a run", &counts);

        let entries = Journal::read(&path).unwrap();
        capture.debug("a journal's entries", &entries);
        capture.note("a journal's file", String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        let mut results = Vec::new();
        write_results(&plan, &entries, &mut results).unwrap();
        capture.note("results", String::from_utf8(results).unwrap());
        if name == "right" {
            assert_eq!(counts.unwrap().success, 11);
            reconcile(capture, &sandbox, owner, &path).await;
        }
    }
}

/// The platform, the journal, and an inbox with a different status.
async fn reconcile(capture: &Capture, sandbox: &Sandbox, owner: Owner, journal: &Path) {
    let inbox = SqliteInbox::open(journal.with_extension("inbox")).await.unwrap();
    for body in [callback("P-1", "decline", 7), callback("elsewhere", "success", 8)] {
        inbox.accept(&verifier().verify(&sign(&body)).unwrap()).await.unwrap();
    }
    let inbox: Arc<dyn Inbox> = Arc::new(inbox);
    let transport = || TowerTransport::new(sandbox.router());
    let sender = Sender::new(Gate::new(project(), &secret(KEY), transport()), policy());
    let mut differences = 0;
    for (token, key) in [(TOKEN, DATA_KEY), (WRONG_TOKEN, DATA_KEY), (TOKEN, OTHER_KEY)] {
        let token = Sensitive::new(token.to_owned());
        let data = DataApi::new(token, &secret(key), transport()).retry(retry());
        let time = |text: &str| text.parse().unwrap();
        let (from, to) = (time("2020-01-01T00:00:00+0000"), time("2099-01-01T00:00:00+0000"));
        let reconcile = Reconcile::new(owner.clone(), Interval::new(from, to))
            .inbox(inbox.clone())
            .journal(journal);
        capture.debug("a reconciliation", &reconcile);
        let begun = reconcile.begin(&data, sender.clone()).await;
        capture.result("a reconciliation", &begun);
        let Ok(mut begun) = begun else { continue };
        loop {
            let difference = begun.next().await;
            capture.result("a difference", &difference);
            let Ok(Some(difference)) = difference else { break };
            capture.note("a difference", format!("{difference} {}", difference.action()));
            differences += 1;
        }
        capture.debug("counts", &begun.counts());
    }
    assert!(differences > 1, "{differences}");
}
