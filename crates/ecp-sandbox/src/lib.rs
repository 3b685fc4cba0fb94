//! The platform on your machine.
//!
//! A [`Sandbox`] answers Gate and the Data API, shows the Payment Page, the provider's page and the
//! Dashboard, and sends signed callbacks, as the ecommpay platform does in a test project. Merchants
//! develop and test against it; it moves no money and holds no real customers.
//!
//! It is the other side of the wire: of this workspace it uses only the words of the protocol
//! (`ecp-core`'s ids, money and codes) and the methods' data (`ecp-methods`). It has its own
//! [`signature`], and it shares no code with the clients that are tested against it.
//!
//! # Features
//!
//! - `pages` (default): the Payment Page, the provider's page and the Dashboard with its exports
//!   and charts, and the table of time zones for the Data API. Without it Gate, callbacks,
//!   confirmations, the Data API in UTC and `/sandbox` remain: the addresses of pages answer 404,
//!   and [`Sandbox::choose`] or `/sandbox` decides payments.
//!
//! - `state`: [`Sandbox::open`], which keeps payments and their history in a file over a restart.
//!   It compiles SQLite, so it needs a C compiler.
//!
//! # One payment
//!
//! ```
//! use axum::body::Body;
//! use ecp_core::Sensitive;
//! use ecp_sandbox::{Config, Sandbox, signature};
//! use http::Request;
//! use serde_json::json;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::new(Config::demo());
//! let mut sale = json!({
//!     "general": {"project_id": Config::DEMO_PROJECT, "payment_id": "X03936"},
//!     "customer": {"id": "1", "ip_address": "192.0.2.1"},
//!     "payment": {"amount": 10000, "currency": "EUR"},
//!     "return_url": {"success": "http://shop.test/ok", "decline": "http://shop.test/no"},
//! });
//! let key = Sensitive::new(Config::DEMO_KEY.to_owned());
//! sale["general"]["signature"] = signature::sign(&key, &sale).into();
//!
//! let request = Request::post("/v2/payment/wallet/jeton/sale").body(Body::from(sale.to_string()))?;
//! let response = sandbox.router().oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # Tests
//!
//! [`Sandbox::start`] starts one with virtual time: [`Sandbox::advance`] moves it,
//! [`Sandbox::settled`] waits until no work is left, so that no test needs to sleep. A [`Fault`] is
//! injected on demand, for one payment or at random. [`Sandbox::payments`], [`Sandbox::timeline`]
//! and the [`EventStream`] show what happened. Tests in other languages reach all of it over HTTP
//! under `/sandbox`.
//!
//! # Refusals
//!
//! | what is wrong | code | `errors[].field` |
//! |---|---|---|
//! | the body is not JSON | 2003 | |
//! | `general.project_id` is missing | 2004 | its path |
//! | there is no such project | 2442 | its path |
//! | the signature is missing or empty | 3262 | its path |
//! | the signature is wrong | 3261 | its path |
//! | it is a callback or an answer, which have the same key | 702 | the member that tells |
//! | there is no such method, or it does not have the operation on Gate | 2541 | |
//! | required fields are missing or empty | 2004 | one error for each path |
//! | fields are of another type than documented, or not valid URLs where URLs are expected | 702 | one error for each path |
//! | the payment id is too long or otherwise invalid | 3024 | its path |
//! | the currency is not a known code | 3121 | its path |
//! | the method does not take the currency | 3023 | its path |
//! | the amount is no positive integer, nor 0 where the method allows it | 702 | its path |
//! | the method's own check refuses it | 702, or the code above of its reason | the path that the check names |
//! | the payment id is taken | 3041 | its path |
//!
//! `callback.delay` above 600 seconds and `callback.force_disable` other than 0 and 1 count as
//! fields of another type. The Data API refuses in the same form: a missing token gives 2004,
//! an unknown one 3261, a project that the token may not ask about 2442.
//!
//! For refunds, captures and releases the rows up to the payment id apply as well, and then
//!
//! | what is wrong | code | `errors[].field` |
//! |---|---|---|
//! | there is a currency and no amount | 3286 | `payment.amount` |
//! | there is an amount and no currency | 3287 | `payment.currency` |
//! | the currency is not a known code | 3121 | its path |
//! | the amount is no positive integer | 702 | its path |
//! | the method's own check refuses it | 702, or the code above of its reason | the path that the check names |
//! | the path's method has no such payment | 3061 | `general.payment_id` |
//! | the `merchant_refund_id` was registered in the project before | 3230 | its path |
//! | a refund of a payout or of a registration | 3610 | `general.payment_id` |
//! | the payment has not succeeded, or nothing of it is left | 3060 | `general.payment_id` |
//! | a refund of a hold that has not been captured | 3060 | `general.payment_id` |
//! | a capture or release of a payment that holds no money, such as one that has been captured | 3060 | `general.payment_id` |
//! | the payment has had 100 refunds, captures and releases, with any result (chosen here) | 3285, for captures and releases 3060 | `general.payment_id` |
//!
//! On `/v2/payment/refund`, which names no method, 3061 comes before what the method demands, and a
//! method without refunds on Gate gives 3610. A request id that `/v2/payment/status/request` does
//! not know gives 3061 for `request_id`.
//!
//! For an answer to a clarification (`/v2/payment/clarification`) the rows up to the payment id apply as
//! well, and then
//!
//! | what is wrong | code | `errors[].field` |
//! |---|---|---|
//! | there is no `additional_data` | 2004 | its path |
//! | `additional_data` is no object | 702 | its path |
//! | there is no such payment | 3061 | `general.payment_id` |
//! | the payment does not wait for an answer | 3060 | `general.payment_id` |
//!
//! The codes and their messages are the platform's, and so is that format, signature and existence
//! are checked before a request is registered. The order among them, 702 for what has no code of
//! its own, and the content of `errors` are chosen here. The first row that applies is the answer,
//! and nothing is registered unless none does. An amount outside of the method's limits is no
//! reason to refuse: the payment is registered and declined by a callback, with code 3358 or 2642.
//!
//! A method's own check ([`PaymentMethod::check`](ecp_methods::PaymentMethod::check)) is asked about requests
//! that satisfy its spec, through whatever interface they come; `errors[].description` says what it says.
//!
//! # Effects
//!
//! What the sandbox does with an operation follows from its effect on money
//! ([`Effect`](ecp_methods::Effect)), so it plays operations of any name, those of other crates
//! included. The type of the operation in messages is its name (`account verification` for
//! `account_verification`).
//!
//! | effect | what happens |
//! |---|---|
//! | money in | a sale: the customer decides, and the balance grows |
//! | hold | as a sale, but the payment becomes `awaiting capture`, and the balance stays |
//! | capture | of an `awaiting capture`: the payment becomes `success` with the captured amount, which the balance gets. A capture of a part ends the hold too |
//! | release | of an `awaiting capture`: of all, the payment becomes `canceled`; of a part, less is held |
//! | money out | a payout |
//! | money back | a refund, of a captured hold as well |
//! | registration | as a sale, with an amount of 0 too if the rule allows it, but no money moves |
//! | management | the answer is the result: no callback, no change of a payment, which need not exist |
//!
//! That a capture of a part ends the hold, that a release of the whole amount ends it like one
//! without an amount, and that holds do not expire is chosen here, as is the payment's amount in
//! messages: what is held or was captured. The customer decides about every payment of the customer,
//! those of a series too.
//!
//! A capture or release of more than is held, of a part where the rule allows none, or in another
//! currency is declined by a callback with code 3060, which is chosen too, and the money is still
//! held. One that ended in an error may have moved money, so nothing more of its amount can be
//! captured or released.
//!
//! # Refunds
//!
//! Whether a payment can bear a refund is decided after the registration, and reported by a callback:
//! the operation is declined, has no provider, and the payment stays what it was.
//!
//! | what is wrong | code |
//! |---|---|
//! | another refund came first and nothing is left | 3060 |
//! | the currency is not the payment's | 3284 |
//! | the amount is greater than what is left | 3283 |
//! | the amount is not all of the payment, and the method gives back no parts | 3609 |
//! | the amount is outside of the rule's limits, if it has any | 3358, 2642 |
//!
//! That 3283 comes by callback is documented; that the others do, that 3060, 3230 and 3610 do not,
//! and 3609 itself are chosen here. Refunds without an amount ask for all that is left. A refund is
//! known by its `merchant_refund_id`, also when it was declined; without one every request is a
//! refund of its own. Callbacks go where the refund's request says, else where the payment's do.
//!
//! # Confirmations
//!
//! Where the method's spec says so, Success on the provider's page asks the merchant for a
//! confirmation of the amount (`check_deposit`), once, at [`Project::confirmation_url`]. While it
//! waits, the payment keeps its status. The documents decline after a code other than 0 and after
//! HTTP 4xx and 5xx, and are silent on everything else. Chosen here: those decline with code 30301;
//! no answer in time, a redirect, an answer that is invalid or about another payment, and an
//! address that cannot be asked with code 30302 ([`Confirmation`]). A sale that asked for 0 tells
//! the amount that was chosen once it has succeeded; declined it stays at 0, as in the documents.
//!
//! # Callbacks
//!
//! Callbacks and answers to status requests have the members of the samples on the method's page, in
//! their order, by its spec ([`CallbackForm`](ecp_methods::spec::CallbackForm)): the provider's number
//! and date, the customer's phone. `docs/sources.md` says which sample was followed where two differ.
//! Chosen here: a provider's date is that of the operation's end, and absent before it; a number that a
//! page hides or does not give is 0.
//!
//! # Time
//!
//! A sale that waits for its customer, and a payout that [`Fault::SlowPayout`] slows down, are declined
//! at their cut-off time: that of the method's spec in this flow, or
//! [`Config::cut_off`], with [`Config::cut_off_code`]. That the platform declines is documented
//! (sources: waiting); its time and code are not. Callbacks are sent again by the [`Schedule`].
//!
//! # Steps of the customer
//!
//! What the customer of a sale does, and what the merchant is asked for before that, is in the method's
//! spec ([`Testing::step`](ecp_methods::spec::Testing::step),
//! [`Testing::questions`](ecp_methods::spec::Testing::questions)).
//!
//! | step | status | callbacks have |
//! |---|---|---|
//! | redirect | `awaiting redirect result` | `redirect_data` |
//! | display | `awaiting customer` | `display_data`, which answers to status requests have too |
//! | push | `awaiting customer` | nothing |
//! | clarification | `awaiting clarification` | `clarification_fields`, which answers to status requests have too |
//!
//! Whatever the step, the customer decides on the provider's page, which draws the QR codes of
//! `qr_data`. A question is asked on Gate, where the request has no answer to it. An answer is
//! registered, and a callback says what comes next: the customer's step, or the questions that are
//! left, with what was wrong. Each answer begins the time for the next one anew
//! ([`Config::clarification_window`]), and the cut-off time goes on meanwhile (sources: clarification).
//!
//! # Balances
//!
//! Every project has money in every currency, ten million unless [`Project::balance`] says
//! otherwise. Sales and captures add to it, payouts and refunds take from it. A payout beyond it is
//! declined by a callback with code 3028, in the form of the documents' sample; refunds go through.
//!
//! # The provider's page
//!
//! `redirect_data` has the members of the sample on the method's page, by its spec
//! ([`Testing`](ecp_methods::spec::Testing)); a method that names no fields has some chosen here.
//! Customers may arrive by `GET` or `POST`, whatever the form; fields that a merchant's form lost
//! are named on the page. They decide by a form of the page, which posts to an address of its own.
//! An amount is split into the method's vouchers from the greatest down; customers choose vouchers
//! where the sale asks for 0, or type the amount where the method has none. A value that only an example
//! of the method's page has is marked and never part of a split.
//!
//! Where the method's customers enter a voucher's number, security code and expiry, the page asks for
//! them, and says at the field what is wrong; the payment waits on, as often as it takes (the documents
//! name no limit). No document says what they look like, so the vouchers are chosen here, and shown on
//! the page:
//!
//! | number | security code | expiry | |
//! |---|---|---|---|
//! | 1000000000000001 | 123 | 12/99 | pays |
//! | 1000000000000002 | 456 | 12/99 | has been used |
//! | 1000000000000003 | 789 | 01/20 | has expired |
//!
//! One set of them pays any amount. They are in no event, log or callback. A form without any of these
//! fields, from a program that presses the button in the customer's place, is taken without them.
//!
//! # What is documented and what is chosen
//!
//! Bodies, statuses, codes, the signature and the test amounts follow the platform's documents.
//! Where they are silent, the choice is noted where it is made; the main ones are the codes of
//! refusals and their HTTP status ([`Config::error_status`]), the rule for buttons that contradict
//! the amount ([`ButtonRule`]), code 20000 for a decline by amount or button, code 9999 in the
//! callback that carries the redirect, and the codes of the sections above. A client should depend on none of these.

mod config;
mod engine;
mod payment;
mod sandbox;
mod surface;
mod wire;

pub use self::config::{Config, Project};
pub use self::engine::actions::InvalidBody;
pub use self::engine::callbacks::CallbackState;
pub use self::engine::delivery::Schedule;
pub use self::engine::events::{
    CallbackRefusal, Confirmation, Event, EventKind, EventStream, RawBody,
};
pub use self::engine::faults::{Fault, FaultRule, InvalidFault};
#[cfg(feature = "state")]
pub use self::engine::keep::StateError;
#[cfg(feature = "pages")]
pub use self::engine::place::PlaceError;
pub use self::engine::view::{Filter, Listed, OperationView, Paging, PaymentView, SignatureNote};
pub use self::payment::{ButtonRule, Decision, RefundOperation};
pub use self::sandbox::Sandbox;
#[cfg(feature = "pages")]
pub use self::surface::provider::TEST_VOUCHER;
pub use self::wire::signature;
