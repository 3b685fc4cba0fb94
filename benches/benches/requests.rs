//! A merchant's work before sending.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ecp_benches::{self as fixture, beside};
use ecp_methods::page::{PageOptions, prepare_page};
use ecp_methods::{Jeton, Registry, prepare};
use ecp_transport::PaymentPage;

/// The floor of a check: a copy of the request, which it takes.
fn prepared(c: &mut Criterion) {
    let (sale, prepared) = (fixture::sale(), fixture::prepared());
    let copy = || black_box(&sale).clone();
    let check = || prepare(&Jeton, black_box(&sale).clone()).unwrap();
    let mut group = c.benchmark_group("prepare");
    group.bench_function("floor: a copy of the request", |b| b.iter(copy));
    group.bench_function("sale", |b| b.iter(check));
    group.bench_function("body", |b| b.iter(|| black_box(&prepared).body(fixture::project())));
    group.finish();
    beside("prepare: sale", copy, check);
}

/// The floor of a look-up: one comparison.
fn registry(c: &mut Criterion) {
    let registry = Registry::builtin();
    let codes: Vec<&str> = registry.iter().map(|method| method.spec().code()).collect();
    let last = *codes.last().unwrap();
    let compare = || black_box(last) == black_box("jeton");
    let get = || registry.get(black_box(last)).is_ok();
    let mut group = c.benchmark_group("registry lookup");
    group.bench_function("floor: one comparison", |b| b.iter(compare));
    group.bench_function("by code, the last one", |b| b.iter(get));
    group.finish();
    beside("registry lookup: by code, the last one", compare, get);
}

/// The floor of an address: the HMAC in it.
fn page_url(c: &mut Criterion) {
    let secret = ecp_core::SecretKey::new("bench-key").unwrap();
    let page = PaymentPage::new(fixture::project(), &secret);
    let prepared = prepare_page(&Jeton, &fixture::sale(), PageOptions::new()).unwrap();
    let parameters = serde_json::to_vec(&prepared.parameters(fixture::project())).unwrap();
    let (floor, canonical) = (fixture::Floor::new(), fixture::canonical(&parameters));
    let mac = || floor.mac(black_box(&canonical));
    let url = || page.sign(black_box(&prepared)).unwrap().url();
    let mut group = c.benchmark_group("Payment Page URL");
    group.bench_function("floor: keyed HMAC over the canonical string", |b| b.iter(mac));
    group.bench_function("signed URL", |b| b.iter(url));
    group.finish();
    beside("Payment Page URL", mac, url);
}

criterion_group!(benches, prepared, registry, page_url);
criterion_main!(benches);
