//! Repeated reading allocates nothing once a thread's buffers have grown.

use std::hint::black_box;

use allocation_counter::measure;
use ecp_benches as fixture;
use ecp_core::json::{Document, Limits};
use ecp_core::signature::{self, Place, Rules};

/// Allocations of the second run, after the first has grown the thread's buffers.
fn allocations<T>(mut work: impl FnMut() -> T) -> u64 {
    black_box(work());
    measure(|| {
        black_box(work());
    })
    .count_total
}

#[test]
fn a_document_is_read_into_what_the_thread_keeps() {
    let body = fixture::callback();
    assert_eq!(allocations(|| drop(Document::parse(&body, Limits::default()).unwrap())), 0);
}

#[test]
fn a_signature_is_verified_without_allocating() {
    let (keys, body) = ([fixture::key(), fixture::key()], fixture::callback());
    assert_eq!(allocations(|| signature::verify(&keys, &body).unwrap()), 0);
}

/// Two would be allowed: one for a status that is not in the tables, one for a list of errors.
#[test]
fn a_callback_is_verified_and_borrowed_without_allocating() {
    let (verifier, body) = (fixture::verifier(), fixture::callback());
    let read = || {
        let document = verifier.read(&body).unwrap();
        let callback = verifier.verify_document(&document).unwrap();
        assert_eq!(callback.payment_id().unwrap().as_str(), "ac17805971555");
    };
    assert_eq!(allocations(read), 0);
}

/// The body with its signature, which the caller keeps.
#[test]
fn a_request_is_signed_with_one_allocation() {
    let (key, body) = (fixture::key(), fixture::prepared().body(fixture::project()));
    let sign = || signature::sign_document(&key, &body, Place::General, Rules::private()).unwrap();
    assert_eq!(allocations(sign), 1);
}
