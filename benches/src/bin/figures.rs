//! Prints the ratios and the growth in docs/performance.md, and draws its chart.
//!
//! `figures [CHART.svg]`

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ecp_benches::{self as fixture, beside, bodies};
use ecp_core::json::{Document, Limits};
use ecp_core::signature::{self, Place, Rules};

const SIZES: [usize; 10] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 250_000];

/// A line of the chart: its name and the nanoseconds a byte at each size.
type Line = (String, Vec<f64>);

fn main() {
    ratios();
    let lines = growth();
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(path, chart(&lines)).unwrap();
    }
}

fn ratios() {
    let (keys, body) = ([fixture::key()], fixture::callback());
    let (floor, canonical) = (fixture::Floor::new(), fixture::canonical(&body));
    let verifier = fixture::verifier();
    let mac = || floor.mac(black_box(&canonical));
    println!("{} bytes, {} in the canonical string\n", body.len(), canonical.len());
    beside("verify, signature only", mac, || signature::verify(&keys, black_box(&body)).unwrap());
    beside("verify and borrowed callback", mac, || {
        let document = verifier.read(black_box(&body)).unwrap();
        black_box(&verifier.verify_document(&document).unwrap());
    });
    beside("verify and owned callback", mac, || verifier.verify(black_box(&body)).unwrap());
    beside("read", mac, || drop(Document::parse(black_box(&body), Limits::default()).unwrap()));

    let (key, prepared) = (fixture::key(), fixture::prepared());
    let body = prepared.body(fixture::project());
    let canonical = fixture::canonical(&body);
    let mac = || floor.mac(black_box(&canonical));
    let sign = |body: &[u8]| {
        signature::sign_document(&key, body, Place::General, Rules::private()).unwrap()
    };
    beside("sign a Gate sale", mac, || sign(black_box(&body)));
    beside("write a Gate sale and sign it", mac, || {
        sign(&black_box(&prepared).body(fixture::project()))
    });
}

/// Prints and returns the cost of a byte as bodies grow: constant, or growing with the logarithm.
fn growth() -> Vec<Line> {
    let keys = [fixture::key()];
    let floor = fixture::Floor::new();
    print!("\n{:<42}", "nanoseconds a byte, by bytes");
    for size in SIZES {
        print!("{size:>8}");
    }
    println!();
    let mac = |size: &usize| {
        let text = "x".repeat(*size);
        per_byte(*size, || floor.mac(black_box(&text)))
    };
    let mut lines: Vec<Line> =
        vec![(String::from("bare HMAC of as many bytes"), SIZES.iter().map(mac).collect())];
    let friendly = |size: &usize| {
        let body = fixture::signed(&bodies::friendly(*size - 120));
        per_byte(body.len(), || signature::verify(&keys, black_box(&body)).unwrap())
    };
    lines.push((String::from("a genuine callback"), SIZES.iter().map(friendly).collect()));
    for (name, body) in bodies::HOSTILE {
        let refused = |size: &usize| {
            let body = with_some_signature(&body(*size - 120));
            per_byte(body.len(), || signature::verify(&keys, black_box(&body)).is_ok())
        };
        lines.push((format!("forged: {name}"), SIZES.iter().map(refused).collect()));
    }
    for (name, costs) in &lines {
        print!("{name:<42}");
        for cost in costs {
            print!("{cost:>8.2}");
        }
        println!();
    }
    lines
}

/// A document with a forged signature.
fn with_some_signature(document: &str) -> Vec<u8> {
    let open = document.strip_suffix('}').unwrap();
    format!("{open},\"signature\":\"{}==\"}}", "A".repeat(86)).into_bytes()
}

/// The best of many calls, short enough to run undisturbed sometimes.
fn per_byte<T>(bytes: usize, mut work: impl FnMut() -> T) -> f64 {
    let end = Instant::now() + Duration::from_millis(400);
    let mut best = Duration::MAX;
    while Instant::now() < end {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed());
    }
    #[expect(clippy::cast_precision_loss, reason = "bodies are small")]
    let bytes = bytes as f64;
    best.as_secs_f64() * 1e9 / bytes
}

/// Both axes are logarithmic: quadratic time would climb as steeply as the dashed line.
#[expect(clippy::cast_precision_loss, reason = "sizes are small")]
fn chart(lines: &[Line]) -> String {
    const COLOURS: [&str; 10] = [
        "#777777", "#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#2e4057", "#c97b63",
        "#00798c", "#b5838d",
    ];
    let x = |size: f64| 60.0 + (size / 512.0).log2() * 60.0;
    let y = |cost: f64| 400.0 - (cost.max(0.5) / 0.5).log2() * 45.0;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 450\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"960\" height=\"450\" fill=\"white\"/>\n\
         <text x=\"60\" y=\"24\" font-size=\"15\">Time to verify, in nanoseconds a byte, by the size of the body</text>\n",
    );
    // Writing to a String cannot fail.
    for cost in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0] {
        let _ = writeln!(
            svg,
            "<path d=\"M60 {at:.0}H600\" stroke=\"#e4e4e4\"/><text x=\"52\" y=\"{text:.0}\" text-anchor=\"end\">{cost}</text>",
            at = y(cost),
            text = y(cost) + 4.0
        );
    }
    for size in SIZES.iter().step_by(2).map(|&size| size as f64) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"420\" text-anchor=\"middle\">{} kB</text>",
            x(size),
            size / 1024.0
        );
    }
    let _ = writeln!(
        svg,
        "<path d=\"M{:.0} {:.0}L{:.0} {:.0}\" stroke=\"black\" stroke-dasharray=\"5 5\"/>\
         <text x=\"620\" y=\"410\">dashed: what quadratic time would look like</text>",
        x(512.0),
        y(1.0),
        x(512.0 * 128.0),
        y(128.0)
    );
    for (place, (name, costs)) in lines.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let points: Vec<String> = SIZES
            .iter()
            .zip(costs)
            .map(|(&size, &cost)| format!("{:.1},{:.1}", x(size as f64), y(cost)))
            .collect();
        let at = 60 + place * 24;
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <rect x=\"620\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"642\" y=\"{}\">{name}</text>",
            points.join(" "),
            at - 6,
            at
        );
    }
    svg.push_str("</svg>\n");
    svg
}
