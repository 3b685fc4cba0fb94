//! Signing and verifying beside the bare HMAC that neither can avoid.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ecp_benches::{self as fixture, beside, bodies};
use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, FromJson};
use ecp_core::signature::{self, Place, Rules};

fn verify(c: &mut Criterion) {
    let (keys, body) = ([fixture::key()], fixture::callback());
    let (floor, canonical) = (fixture::Floor::new(), fixture::canonical(&body));
    let verifier = fixture::verifier();
    let mac = || floor.mac(black_box(&canonical));
    let signature_only = || signature::verify(&keys, black_box(&body)).unwrap();
    let borrowed = || {
        let document = verifier.read(black_box(&body)).unwrap();
        black_box(&verifier.verify_document(&document).unwrap());
    };
    let owned = || verifier.verify(black_box(&body)).unwrap();

    let mut group = c.benchmark_group("verify");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("floor: keyed HMAC over the canonical string", |b| b.iter(mac));
    group.bench_function("signature only", |b| b.iter(signature_only));
    group.finish();
    beside("verify: signature only", mac, signature_only);

    let mut group = c.benchmark_group("verify and parse");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("floor: keyed HMAC over the canonical string", |b| b.iter(mac));
    group.bench_function("borrowed callback", |b| b.iter(borrowed));
    group.bench_function("owned callback", |b| b.iter(owned));
    group.finish();
    beside("verify and parse: borrowed callback", mac, borrowed);
    beside("verify and parse: owned callback", mac, owned);
}

/// The floor of reading: the check that it is UTF-8.
fn parse(c: &mut Criterion) {
    let body = fixture::callback();
    let utf8 = || std::str::from_utf8(black_box(&body)).unwrap().len();
    let read = || drop(Document::parse(black_box(&body), Limits::default()).unwrap());
    let owned = || Callback::from_slice(black_box(&body)).unwrap();

    let mut group = c.benchmark_group("parse only");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("floor: UTF-8", |b| b.iter(utf8));
    group.bench_function("document", |b| b.iter(read));
    group.bench_function("owned callback", |b| b.iter(owned));
    group.finish();
    beside("parse only: document", utf8, read);
}

fn sign(c: &mut Criterion) {
    let (key, floor) = (fixture::key(), fixture::Floor::new());
    let small = br#"{"general":{"project_id":1236,"payment_id":"X03936"}}"#.to_vec();
    let typical = fixture::prepared().body(fixture::project());
    let large =
        format!(r#"{{"general":{{}},"steps":{}}}"#, bodies::friendly(16 * 1024)).into_bytes();
    for (size, body) in [("small", small), ("typical", typical), ("large", large)] {
        let canonical = fixture::canonical(&body);
        let mac = || floor.mac(black_box(&canonical));
        let sign = || {
            let body = black_box(&body);
            signature::sign_document(&key, body, Place::General, Rules::private()).unwrap()
        };
        let mut group = c.benchmark_group(format!("sign, {size}"));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("floor: keyed HMAC over the canonical string", |b| b.iter(mac));
        group.bench_function("document", |b| b.iter(sign));
        group.finish();
        beside(&format!("sign, {size}"), mac, sign);
    }
}

criterion_group!(benches, verify, parse, sign);
criterion_main!(benches);
