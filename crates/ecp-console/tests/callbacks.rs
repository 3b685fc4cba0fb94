//! The pages of an inbox, over both stores.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecp_console::{Console, Event, Operator};
use ecp_core::model::VerifiedStatus;
use ecp_core::{PaymentId, ProjectId};
use ecp_inbox::conformance::{Body, clock};
use ecp_inbox::postgres::PostgresOptions;
use ecp_inbox::sqlite::SqliteOptions;
use ecp_inbox::{Claim, EntryId, EntryState, Finish, HandlerError, Inbox};
use ecp_testkit::postgres::Server;
use ecp_testkit::sentinels::Capture;
use http::{Request, StatusCode};

use crate::browser::{Browser, seen};

const SENTINEL: &str = "mary.of.the.test@example.com";

/// An inbox with a callback in each state: 1 done, 2 repeated, 3 dead, 4 held, 5 waiting.
pub(crate) async fn fill(inbox: &dyn Inbox) {
    let claim = Claim::new(9, Duration::from_secs(9)).attempts(20);
    let done = Body::new("P1", 1, "success").described(SENTINEL);
    inbox.accept(&done.verified()).await.unwrap();
    inbox.accept(&done.described("again").verified()).await.unwrap();
    let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
    inbox.finish(&delivery, Finish::Done).await.unwrap();
    inbox.accept(&Body::new("P2", 1, "decline").described(SENTINEL).verified()).await.unwrap();
    let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
    let error = "the ledger <b>is</b> closed".to_owned();
    inbox.finish(&delivery, Finish::Dead { error }).await.unwrap();
    inbox.accept(&held().verified()).await.unwrap();
    let hostile = "<img src=x onerror=alert(1)>";
    inbox.accept(&Body::new(hostile, 1, "processing").verified()).await.unwrap();
}

fn held() -> Body {
    Body::new("P3", 1, "success").doubtful()
}

pub(crate) async fn sqlite(folder: &std::path::Path) -> Arc<dyn Inbox> {
    let path = folder.join("inbox.sqlite");
    let inbox = Arc::new(SqliteOptions::new().clock(clock()).open(&path).await.unwrap());
    fill(&*inbox).await;
    inbox
}

/// Gate, which says what it is told to say about P3.
fn gate(
    answer: Arc<Mutex<Option<Body>>>,
) -> impl Fn(ProjectId, PaymentId) -> std::future::Ready<Result<VerifiedStatus, HandlerError>> {
    move |project, payment| {
        assert_eq!((project.get(), payment.as_str()), (1236, "P3"));
        let answer = answer.lock().unwrap().as_ref().map(Body::answer);
        std::future::ready(answer.ok_or_else(|| "Gate <is> away".into()))
    }
}

const AT: &str = "2023-11-14T22:13:20+0000 anna";

/// An operator in front of an inbox.
struct Desk {
    browser: Browser,
    inbox: Arc<dyn Inbox>,
    events: Arc<Mutex<Vec<String>>>,
    /// What Gate says about P3.
    answer: Arc<Mutex<Option<Body>>>,
}

impl Desk {
    fn at(inbox: Arc<dyn Inbox>) -> Self {
        let events: Arc<Mutex<Vec<String>>> = Arc::default();
        let answer: Arc<Mutex<Option<Body>>> = Arc::default();
        let log = {
            let events = Arc::clone(&events);
            move |event: &Event| events.lock().unwrap().push(event.to_string())
        };
        let router = Console::new()
            .inbox(Arc::clone(&inbox))
            .gate(gate(Arc::clone(&answer)))
            .clock(clock())
            .on_event(log)
            .allow_changes()
            .into_router("/console")
            .layer(axum::Extension(Operator::new("anna")));
        Self { browser: Browser(router), inbox, events, answer }
    }

    /// Everything that an operator does.
    async fn work(self) {
        self.reads().await;
        self.asks_for_a_body().await;
        self.replays().await;
        self.hurries().await;
        self.releases().await;
    }

    fn logged(&self) -> Vec<String> {
        self.events.lock().unwrap().drain(..).collect()
    }

    async fn state(&self, id: i64) -> EntryState {
        self.inbox.entry(EntryId::new(id)).await.unwrap().unwrap().state
    }

    async fn reads(&self) {
        let first = seen(&self.browser.page("/console").await);
        assert!(first.contains("1 callback is dead Its effect is missing."), "{first}");
        assert!(!first.contains("callback is waiting"), "it came now: {first}");
        assert_eq!(seen(&self.browser.page("/console/").await), first);

        let list = self.browser.page("/console/callbacks").await;
        assert!(seen(&list).contains("Waiting 1 Held 1 Dead 1 Done 1 Repeated 1"), "{list}");
        for (query, expected) in [
            ("", &[5, 4, 3, 2, 1][..]),
            ("state=dead", &[3]),
            ("payment=P1", &[2, 1]),
            ("before=3", &[2, 1]),
            ("project=1236&state=held", &[4]),
            ("project=1", &[]),
            ("project=none", &[5, 4, 3, 2, 1]),
            ("state=nonsense", &[5, 4, 3, 2, 1]),
        ] {
            let list = self.browser.page(&format!("/console/callbacks?{query}")).await;
            assert_eq!(numbers(&list), expected, "{query}");
            assert_eq!(list.contains("A project is a number"), query == "project=none");
        }

        // What came from outside is text.
        let hostile = self.browser.page("/console/callbacks/5").await;
        for page in [&list, &hostile] {
            assert!(!page.contains("<img src=x"), "{page}");
            assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;"), "{page}");
        }
        assert!(list.contains("the ledger &#60;b&#62;is&#60;/b&#62; closed"), "{list}");

        for (id, meaning) in [
            (1, "The handler has processed it."),
            (2, "An earlier callback reported the same"),
            (3, "It was given up after one attempt, and its effect is missing. To do: Correct"),
            (4, "It is genuine and final, and is handled only when Gate reports the same status."),
            (5, "It waits for a worker of your service."),
        ] {
            let page = seen(&self.browser.page(&format!("/console/callbacks/{id}")).await);
            assert!(page.contains(meaning), "{page}");
        }
        for id in ["77", "x", "-1", "99999999999999999999"] {
            let missing = self.browser.get(&format!("/console/callbacks/{id}")).await;
            assert_eq!(missing.status, StatusCode::NOT_FOUND, "{id}");
        }
        assert!(self.logged().is_empty());
        self.reads_no_result_from_a_link().await;
    }

    /// An address that says something was done is believed only where the callback's state fits.
    async fn reads_no_result_from_a_link(&self) {
        for query in [
            "4?release=released",
            "4?release=repeated",
            "4?release=not_held",
            "4?replayed=1",
            "3?release=disagrees",
            "3?release=repeated",
            "3?replayed=1",
            "2?release=released",
        ] {
            let page = self.browser.page(&format!("/console/callbacks/{query}")).await;
            assert!(!page.contains("class=\"notice"), "{query}: {page}");
        }
        for (site, is_shown) in [("same-origin", true), ("cross-site", false), ("none", false)] {
            let link = Request::get("/console/callbacks?replayed=9").header("sec-fetch-site", site);
            let list = self.browser.send(link.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!(
                list.text.contains("9 callbacks will be handled again."),
                is_shown,
                "{site}"
            );
        }
    }

    /// Personal data is hidden until it is asked for, and asking is logged.
    async fn asks_for_a_body(&self) {
        let paid = self.browser.page("/console/callbacks/1").await;
        assert!(seen(&paid).contains("Paid 100.00 EUR"), "{paid}");
        assert!(seen(&paid).contains("Operation type sale"), "{paid}");
        assert!(!paid.contains(SENTINEL) && paid.contains("Show the body"), "{paid}");
        let capture = Capture::new();
        let shown = {
            let _guard = tracing::subscriber::set_default(capture.clone());
            self.browser.post("/console/callbacks/1/body", "").await
        };
        assert_eq!(shown.status, StatusCode::OK);
        assert!(shown.text.contains(SENTINEL));
        assert_eq!(shown.headers["cache-control"], "no-store");
        let line = format!("{AT} was shown the body of callback 1 (project 1236, payment P1)");
        assert_eq!(self.logged(), [line]);
        let traced = capture.lines();
        let traced = traced.iter().find(|line| line.contains("shown the body")).unwrap();
        assert!(traced.contains("anna") && !traced.contains(SENTINEL), "{traced}");
        let by_link = self.browser.get("/console/callbacks/1/body").await;
        assert_eq!(by_link.status, StatusCode::METHOD_NOT_ALLOWED);
    }

    /// What is dead is replayed, by its page and by the list.
    async fn replays(&self) {
        let path = "/console/callbacks/replay";
        let form = as_shown(&self.browser.page("/console/callbacks/3").await);
        assert!(form.starts_with("seen=3:dead-"), "{form}");
        let again = self.browser.submit(path, &format!("{form}&back=3")).await;
        assert!(seen(&again).contains("1 callback will be handled again."), "{again}");
        assert_eq!(self.logged(), [format!("{AT} replayed callback 3 (project 1236, payment P2)")]);
        // The same form once more, at once and after the callback was handled: it is left as it is.
        let changed =
            "0 callbacks will be handled again. 1 has changed since this console showed it";
        let twice = self.browser.submit(path, &format!("{form}&back=3")).await;
        assert!(seen(&twice).contains(changed), "{twice}");
        self.handle(Finish::Done).await;
        let late = self.browser.submit(path, &format!("{form}&back=3")).await;
        assert!(seen(&late).contains(changed), "{late}");
        assert_eq!(self.state(3).await, EntryState::Done);
        assert!(self.logged().is_empty());

        let [done, other, held] = [1, 3, 4].map(EntryId::new);
        let forms = [self.form(done).await, self.form(other).await, self.form(held).await];
        let forms = format!("{}&{form}&seen=77:dead-1-0&seen=x&id=1", forms.join("&"));
        let marked = self.browser.submit(path, &forms).await;
        let text = "2 callbacks will be handled again. 1 has changed since this console showed it, and \
                    was left as it is: look at it again. 2 were not: only what is done or dead";
        assert!(seen(&marked).contains(text), "{marked}");
        assert_eq!(self.state(4).await, EntryState::Held, "no replay goes around Gate");
        self.handle(Finish::Dead { error: "no".to_owned() }).await;
        let all = self.browser.submit(path, "all=dead").await;
        assert!(seen(&all).contains("2 callbacks will be handled again."), "{all}");
        assert_eq!(self.inbox.stats().await.unwrap().dead, 0);
        self.logged();
    }

    /// What waits for its next attempt is tried again now.
    async fn hurries(&self) {
        let retry = Finish::Retry { after: Duration::from_hours(1), error: "not now".to_owned() };
        self.handle(retry).await;
        let page = self.browser.page("/console/callbacks/3").await;
        assert!(page.contains("<button class=\"primary\">Try again now</button>"), "{page}");
        let form = as_shown(&page);
        let hurried =
            self.browser.submit("/console/callbacks/replay", &format!("{form}&back=3")).await;
        assert!(seen(&hurried).contains("1 callback will be handled again."), "{hurried}");
        assert!(!hurried.contains("Try again now"), "{hurried}");
        assert_eq!(self.logged().len(), 1);
        let claim = Claim::new(9, Duration::from_secs(9));
        let claimed = self.inbox.claim(&claim).await.unwrap().deliveries;
        let [delivery] = &claimed[..] else { panic!("one was hurried: {claimed:?}") };
        assert_eq!((delivery.id, delivery.attempt), (EntryId::new(3), 2));
        self.inbox.finish(delivery, Finish::Done).await.unwrap();
    }

    /// Ends an attempt of everything that is due.
    async fn handle(&self, finish: Finish) {
        let claim = Claim::new(9, Duration::from_secs(9));
        for delivery in self.inbox.claim(&claim).await.unwrap().deliveries {
            assert!(self.inbox.finish(&delivery, finish.clone()).await.unwrap());
        }
    }

    /// The field of a form that replays a callback, as a page shows it now.
    async fn form(&self, id: EntryId) -> String {
        format!("seen={id}:{}", self.inbox.entry(id).await.unwrap().unwrap().version())
    }

    /// What is held is released by Gate alone.
    async fn releases(&self) {
        let path = "/console/callbacks/4/release";
        let asked = |outcome| {
            format!("{AT} had Gate asked about callback 4 (project 1236, payment P3): {outcome}")
        };
        let away = self.browser.post(path, "").await;
        assert!(away.text.contains("Gate &#60;is&#62; away"), "{}", away.text);
        assert_eq!(self.logged(), [asked("failed")]);
        for (status, outcome, text) in [
            ("processing", "undecided", "Still held: Gate has not decided yet."),
            ("decline", "disagrees", "Still held: Gate contradicts the callback."),
            ("success", "released", "Gate confirms it: it was released for handling."),
            ("success", "", "Nothing was done: the callback is not held."),
        ] {
            *self.answer.lock().unwrap() =
                Some(Body { status, operation_status: status, ..held() });
            let page = seen(&self.browser.submit(path, "").await);
            assert!(page.contains(text), "{page}");
            let expected = Some(outcome).filter(|outcome| !outcome.is_empty()).map(asked);
            assert_eq!(self.logged().last(), expected.as_ref(), "{outcome}");
            let is_held = self.state(4).await == EntryState::Held;
            assert_eq!(is_held, status != "success", "{outcome}");
            let to_do = "Gate contradicts it, or did not decide in time";
            assert_eq!(page.contains(to_do), status == "decline", "{page}");
        }
    }
}

/// The numbers of the callbacks in a list.
fn numbers(list: &str) -> Vec<u64> {
    let links = list.split("<th scope=\"row\" data-label=\"Number\">").skip(1);
    links.map(|link| seen(link).split(' ').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn an_operator_works_on_an_inbox_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    Desk::at(sqlite(folder.path()).await).work().await;
}

#[tokio::test]
async fn an_operator_works_on_an_inbox_in_postgres() {
    let Some(server) = Server::start_or_skip("the console over Postgres") else { return };
    let options = PostgresOptions::new().clock(clock());
    let inbox = options.open(server.database().unwrap().parse().unwrap()).await.unwrap();
    fill(&inbox).await;
    Desk::at(Arc::new(inbox)).work().await;
}

#[tokio::test]
async fn nothing_is_changed_where_changes_are_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    let answer = Arc::new(Mutex::new(Some(held())));
    let console = Console::new()
        .inbox(Arc::clone(&inbox))
        .gate(gate(answer))
        .command_flags("--db inbox.sqlite");
    let browser = Browser(console.into_router(""));
    let before = inbox.stats().await.unwrap();
    for (path, form) in [
        ("/callbacks/replay", "seen=3:dead-1-0"),
        ("/callbacks/replay", "all=dead"),
        ("/callbacks/4/release", ""),
    ] {
        let refused = browser.post(path, form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(seen(&refused.text).contains("This console is read only."), "{}", refused.text);
    }
    assert_eq!(inbox.stats().await.unwrap(), before);
    for (path, command) in [
        ("/callbacks/3", "ecp inbox replay --db inbox.sqlite 3"),
        ("/callbacks/4", "ecp inbox release --db inbox.sqlite 4"),
    ] {
        let page = browser.page(path).await;
        assert!(seen(&page).contains(&format!("By the command: {command}")), "{page}");
        assert!(!page.contains("<button class=\"primary\">"), "{page}");
    }
    assert!(!browser.page("/callbacks").await.contains("checkbox"));
    // Reading stays possible, and is logged.
    assert!(browser.post("/callbacks/1/body", "").await.text.contains(SENTINEL));
}

#[tokio::test]
async fn many_callbacks_are_read_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.sqlite");
    let inbox = SqliteOptions::new().clock(clock()).open(&path).await.unwrap();
    for number in 0..120 {
        inbox.accept(&Body::new(format!("P{number}"), 1, "processing").verified()).await.unwrap();
    }
    let browser = Browser(Console::new().inbox(Arc::new(inbox)).into_router("/ops"));
    let mut path = "/ops/callbacks?state=waiting&project=1236".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = browser.page(&path).await;
        sizes.push(page.matches("data-label=\"Number\"").count());
        let newest = "href=\"/ops/callbacks?state=waiting&#38;project=1236\">Newest";
        assert_eq!(page.contains(newest), sizes.len() > 1, "{page}");
        let Some((before, _)) = page.split_once("\" rel=\"next\">") else { break };
        path = before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&");
    }
    assert_eq!(sizes, [50, 50, 20]);
    // Another state of the same payments, from the first page of it.
    let page = browser.page("/ops/callbacks?state=waiting&payment=P7&project=1236&before=9").await;
    for query in ["?project=1236&#38;payment=P7", "?state=dead&#38;project=1236&#38;payment=P7"] {
        assert!(page.contains(&format!("href=\"/ops/callbacks{query}\"")), "{query} in {page}");
    }
    assert!(browser.page("/ops/callbacks").await.contains("href=\"/ops/callbacks\" aria-current"));
}

#[tokio::test]
async fn an_inbox_that_cannot_be_read_is_said_and_nothing_else_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    std::fs::remove_file(folder.path().join("inbox.sqlite")).unwrap();
    let browser = Browser(Console::new().inbox(inbox).into_router(""));
    let list = browser.get("/callbacks").await;
    assert_eq!(list.status, StatusCode::SERVICE_UNAVAILABLE);
    let text = "the database file was removed or replaced: leave the service running";
    assert!(list.text.contains(text), "{}", list.text);
    assert!(browser.page("/").await.contains(text));
}

/// A log of events that calls a function after each one.
fn log(
    then: impl Fn() + Send + Sync + 'static,
) -> (Arc<Mutex<Vec<String>>>, impl Fn(&Event) + Send + Sync) {
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = {
        let events = Arc::clone(&events);
        move |event: &Event| {
            events.lock().unwrap().push(event.to_string());
            then();
        }
    };
    (events, log)
}

/// The field of the form that replays the callback of a page.
pub(crate) fn as_shown(page: &str) -> String {
    let value = page.split("name=\"seen\" value=\"").nth(1).unwrap();
    format!("seen={}", value.split('"').next().unwrap())
}

#[tokio::test]
async fn what_was_replayed_before_an_inbox_failed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    let file = folder.path().join("inbox.sqlite");
    let (events, log) = log(move || std::fs::remove_file(&file).unwrap());
    let console = Console::new().inbox(inbox).on_event(log).allow_changes();
    let browser = Browser(console.into_router(""));
    let mut forms = Vec::new();
    for id in [3, 1] {
        forms.push(as_shown(&browser.page(&format!("/callbacks/{id}")).await));
    }
    let forms = forms.join("&");
    let failed = browser.post("/callbacks/replay", &forms).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    for words in
        ["1 callback was replayed before the error, and will be handled again.", "was removed"]
    {
        assert!(failed.text.contains(words), "{}", failed.text);
    }
    assert_eq!(events.lock().unwrap().len(), 1);
    let none = browser.post("/callbacks/replay", &forms).await;
    assert_eq!(none.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!none.text.contains("will be handled again"), "{}", none.text);
}

#[tokio::test]
async fn a_status_request_is_reported_also_if_the_inbox_fails_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    let file = folder.path().join("inbox.sqlite");
    let gate = move |_: ProjectId, _: PaymentId| {
        std::fs::remove_file(&file).unwrap();
        std::future::ready(Ok::<_, HandlerError>(held().answer()))
    };
    let (events, log) = log(|| ());
    let console = Console::new().inbox(inbox).gate(gate).on_event(log).allow_changes();
    let failed = Browser(console.into_router("")).post("/callbacks/4/release", "").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", failed.text);
    let events = events.lock().unwrap();
    assert_eq!(events.len(), 1);
    assert!(events[0].ends_with("callback 4 (project 1236, payment P3): failed"), "{}", events[0]);
}

#[tokio::test]
async fn a_browser_that_disconnects_ends_neither_a_release_nor_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    let asked = Arc::new(AtomicBool::new(false));
    let gate = {
        let asked = Arc::clone(&asked);
        move |_: ProjectId, _: PaymentId| {
            asked.store(true, Ordering::Relaxed);
            async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok::<_, HandlerError>(held().answer())
            }
        }
    };
    let (events, log) = log(|| ());
    let console = Console::new().inbox(inbox.clone()).gate(gate).on_event(log).allow_changes();
    let browser = Browser(console.into_router(""));
    let request = tokio::spawn(async move { browser.post("/callbacks/4/release", "").await });
    let pause = || tokio::time::sleep(Duration::from_millis(5));
    while !asked.load(Ordering::Relaxed) {
        assert!(!request.is_finished());
        pause().await;
    }
    request.abort();
    for _ in 0..1000 {
        if !events.lock().unwrap().is_empty() {
            break;
        }
        pause().await;
    }
    let events = events.lock().unwrap().clone();
    assert_eq!(events.len(), 1);
    assert!(events[0].ends_with("payment P3): released"), "{}", events[0]);
    let state = inbox.entry(EntryId::new(4)).await.unwrap().unwrap().state;
    assert_eq!(state, EntryState::Waiting);
}
