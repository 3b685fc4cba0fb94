//! Signing and verifying beside the bare HMAC that neither can avoid.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, FromJson};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{Jeton, prepare};
use ecp_notify::Verifier;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

/// The success callback of Jeton's document, its signature cut off there.
const SAMPLE: &[u8] =
    include_bytes!("../../crates/ecp-core/tests/samples/callback/jeton-sale-success.json");
const KEY: &str = "bench-key";

/// The sample as it would come over the wire: compact, and signed with our key.
fn callback(key: &SigningKey) -> Vec<u8> {
    let value: String = std::str::from_utf8(SAMPLE).unwrap().lines().map(str::trim).collect();
    let cut = value.rfind(",\"signature\"").unwrap();
    let unsigned = format!("{}}}", &value[..cut]);
    signature::sign_document(key, unsigned.as_bytes(), Place::Root, Rules::private()).unwrap()
}

fn verify(c: &mut Criterion) {
    let secret = SecretKey::new(KEY).unwrap();
    let keys = [SigningKey::new(&secret)];
    let body = callback(&keys[0]);
    let canonical = signature::canonical_string(&body, Rules::private()).unwrap();
    let keyed = Hmac::<Sha512>::new_from_slice(KEY.as_bytes()).unwrap();
    let verifier = Verifier::new().key(ProjectId::new(1236).unwrap(), &secret);

    let mut group = c.benchmark_group("verify");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("floor: keyed HMAC over the canonical string", |b| {
        b.iter(|| keyed.clone().chain_update(black_box(&canonical)).finalize());
    });
    group.bench_function("read", |b| {
        b.iter(|| Document::parse(black_box(&body), Limits::default()).unwrap());
    });
    group.bench_function("read into the model", |b| {
        b.iter(|| Callback::from_slice(black_box(&body)).unwrap());
    });
    group.bench_function("signature only", |b| {
        b.iter(|| signature::verify(&keys, black_box(&body)).unwrap());
    });
    group.bench_function("signature and model", |b| {
        b.iter(|| verifier.verify(black_box(&body)).unwrap());
    });
    group.finish();
}

fn sign(c: &mut Criterion) {
    let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
    let project = ProjectId::new(1236).unwrap();
    let request = SaleRequest::new("X03936".parse().unwrap(), "100.00 EUR".parse().unwrap())
        .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
        .return_urls(
            ReturnUrls::new()
                .success("https://shop.example/success")
                .decline("https://shop.example/decline"),
        );
    let prepared = prepare(&Jeton, request.clone()).unwrap();
    let body = prepared.body(project);
    let canonical = signature::canonical_string(&body, Rules::private()).unwrap();
    let keyed = Hmac::<Sha512>::new_from_slice(KEY.as_bytes()).unwrap();

    let mut group = c.benchmark_group("sign");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("floor: keyed HMAC over the canonical string", |b| {
        b.iter(|| keyed.clone().chain_update(black_box(&canonical)).finalize());
    });
    group.bench_function("prepare", |b| {
        b.iter(|| prepare(&Jeton, black_box(request.clone())).unwrap());
    });
    group.bench_function("body", |b| b.iter(|| black_box(&prepared).body(project)));
    group.bench_function("sign the body", |b| {
        b.iter(|| {
            signature::sign_document(&key, black_box(&body), Place::General, Rules::private())
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, verify, sign);
criterion_main!(benches);
