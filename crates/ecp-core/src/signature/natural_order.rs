//! PHP's natural order (`strnatcmp`), byte for byte.
//!
//! The platform's documents ask for items "in natural order" and its own SDK sorts with PHP's
//! `ksort(SORT_NATURAL)`; the rules below were measured against PHP 8.2.

use std::cmp::Ordering;

/// Compares two key paths as PHP's `strnatcmp` does.
///
/// It is not a total order over arbitrary text (because of spaces and leading zeros), so sort with
/// [`sort`], which terminates and is stable whatever the comparison returns.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    let mut a = Cursor::after_leading_zeros(a);
    let mut b = Cursor::after_leading_zeros(b);
    loop {
        a.skip_space();
        b.skip_space();
        if a.byte().is_ascii_digit() && b.byte().is_ascii_digit() {
            let order = if a.byte() == b'0' || b.byte() == b'0' {
                compare_as_fractions(&mut a, &mut b)
            } else {
                compare_as_numbers(&mut a, &mut b)
            };
            if order.is_ne() {
                return order;
            }
            if let Some(order) = ended(&a, &b) {
                return order;
            }
        }
        let order = a.byte().cmp(&b.byte());
        if order.is_ne() {
            return order;
        }
        a.at += 1;
        b.at += 1;
        if let Some(order) = ended(&a, &b) {
            return order;
        }
    }
}

/// A stable merge sort: PHP 8 sorts stably, and unlike the standard library's sort this one accepts
/// a comparison that is not a total order.
pub(super) fn sort<T: Copy>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    if items.is_sorted_by(|a, b| compare(a, b).is_le()) {
        return;
    }
    let (left, right) = items.split_at_mut(items.len() / 2);
    sort(left, compare);
    sort(right, compare);
    let (left, right) = (left.to_vec(), right.to_vec());
    let (mut left, mut right) = (left.as_slice(), right.as_slice());
    for place in items {
        let take_left = match (left.first(), right.first()) {
            (Some(l), Some(r)) => compare(l, r).is_le(),
            (left, _) => left.is_some(),
        };
        let side = if take_left { &mut left } else { &mut right };
        if let Some((first, rest)) = side.split_first() {
            *place = *first;
            *side = rest;
        }
    }
}

/// Left-aligned: the first differing digit decides, and a run that ends first is smaller.
fn compare_as_fractions(a: &mut Cursor<'_>, b: &mut Cursor<'_>) -> Ordering {
    loop {
        match (a.byte().is_ascii_digit(), b.byte().is_ascii_digit()) {
            (false, false) => return Ordering::Equal,
            (false, true) => return Ordering::Less,
            (true, false) => return Ordering::Greater,
            (true, true) => {}
        }
        let order = a.byte().cmp(&b.byte());
        if order.is_ne() {
            return order;
        }
        a.at += 1;
        b.at += 1;
    }
}

/// Right-aligned: the longer run is larger, and in runs of one length the first difference decides.
fn compare_as_numbers(a: &mut Cursor<'_>, b: &mut Cursor<'_>) -> Ordering {
    let (left, right) = (a.digits(), b.digits());
    a.at += left.len();
    b.at += right.len();
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn ended(a: &Cursor<'_>, b: &Cursor<'_>) -> Option<Ordering> {
    match (a.at >= a.text.len(), b.at >= b.text.len()) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Zeros at the very start do not count while a digit follows.
    fn after_leading_zeros(text: &'a [u8]) -> Self {
        let zeros =
            text.windows(2).take_while(|pair| pair[0] == b'0' && pair[1].is_ascii_digit()).count();
        Self { text, at: zeros }
    }

    /// The current byte, 0 past the end as in C.
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), b' ' | 0x09..=0x0d) {
            self.at += 1;
        }
    }

    fn digits(&self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        &rest[..length]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn measured_pairs_compare_as_in_php() {
        let table = [
            ("a2", "a10", Ordering::Less),
            ("a02", "a1", Ordering::Less),
            ("a001", "a01", Ordering::Less),
            ("01", "1", Ordering::Equal),
            ("p1", "p 1", Ordering::Equal),
            ("", "a", Ordering::Less),
            ("a", "a:b", Ordering::Less),
            ("a-b", "a:b", Ordering::Less),
            ("B", "a", Ordering::Less),
            ("-5", "-10", Ordering::Less),
            ("a", "a ", Ordering::Less),
            ("x9y", "x10", Ordering::Less),
            ("x10", "x10", Ordering::Equal),
        ];
        for (a, b, order) in table {
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), order, "{a:?} {b:?}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes()), order.reverse(), "{b:?} {a:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_sorted_without_a_panic(mut keys in proptest::collection::vec("[ 0-2a\\-:\0]{0,6}", 0..60)) {
            let mut expected = keys.clone();
            expected.sort_unstable();
            let mut sorted: Vec<&String> = keys.iter().collect();
            sort(&mut sorted, &|a, b| compare(a.as_bytes(), b.as_bytes()));
            let mut sorted: Vec<String> = sorted.into_iter().cloned().collect();
            sorted.sort_unstable();
            keys.sort_unstable();
            prop_assert_eq!(sorted, expected);
        }
    }
}
