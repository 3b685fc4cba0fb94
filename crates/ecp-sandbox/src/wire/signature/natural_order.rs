//! The order of PHP's `strnatcmp`, by which the platform sorts the signed items.
//!
//! Written from a description that was measured on PHP 8.2: bytes, with runs of digits compared as
//! numbers, or digit by digit where one of them begins with `0`, as fractions are.

use std::cmp::Ordering;

use super::Leaf;

/// Sorts the leaves by path, as PHP 8 does. Leaves with equal paths keep their order.
///
/// This is a merge sort by hand because PHP's comparison is not a total order when paths hold
/// spaces, and the standard library may panic on such a comparison.
pub(super) fn sort(mut leaves: Vec<Leaf>) -> Vec<Leaf> {
    if leaves.len() < 2 {
        return leaves;
    }
    let second = leaves.split_off(leaves.len() / 2);
    let mut first = sort(leaves).into_iter().peekable();
    let mut second = sort(second).into_iter().peekable();
    let mut merged = Vec::with_capacity(first.len() + second.len());
    while let (Some(one), Some(other)) = (first.peek(), second.peek()) {
        let smaller =
            if compare(&other.path, &one.path).is_lt() { &mut second } else { &mut first };
        merged.extend(smaller.next());
    }
    merged.extend(first);
    merged.extend(second);
    merged
}

fn compare(one: &str, other: &str) -> Ordering {
    if one.is_empty() || other.is_empty() {
        return one.len().cmp(&other.len());
    }
    let mut one = Reader::new(one);
    let mut other = Reader::new(other);
    one.skip_leading_zeros();
    other.skip_leading_zeros();
    loop {
        one.skip_spaces();
        other.skip_spaces();
        if one.byte().is_ascii_digit() && other.byte().is_ascii_digit() {
            let like_fractions = one.byte() == b'0' || other.byte() == b'0';
            let (run, other_run) = (one.take_digits(), other.take_digits());
            let order = if like_fractions {
                run.cmp(other_run)
            } else {
                run.len().cmp(&other_run.len()).then_with(|| run.cmp(other_run))
            };
            if let Some(order) = decided(order).or_else(|| ended(&one, &other)) {
                return order;
            }
        }
        if let Some(order) = decided(one.byte().cmp(&other.byte())) {
            return order;
        }
        one.at += 1;
        other.at += 1;
        if let Some(order) = ended(&one, &other) {
            return order;
        }
    }
}

fn decided(order: Ordering) -> Option<Ordering> {
    (order != Ordering::Equal).then_some(order)
}

/// The text that ended first is smaller.
fn ended(one: &Reader<'_>, other: &Reader<'_>) -> Option<Ordering> {
    match (one.is_at_end(), other.is_at_end()) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    /// PHP reads the zero byte that ends every string in C.
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn byte(&self) -> u8 {
        self.peek(0)
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Only at the very start of a string: `007` is `7`, but `a007` is not `a7`.
    fn skip_leading_zeros(&mut self) {
        while self.byte() == b'0' && self.peek(1).is_ascii_digit() {
            self.at += 1;
        }
    }

    fn skip_spaces(&mut self) {
        while matches!(self.byte(), b' ' | b'\t'..=b'\r') {
            self.at += 1;
        }
    }

    fn take_digits(&mut self) -> &'t [u8] {
        let from = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        &self.text[from..self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_compare_as_measured() {
        let table = [
            ("", "", Ordering::Equal),
            ("", "a", Ordering::Less),
            ("a2", "a10", Ordering::Less),
            ("a02", "a1", Ordering::Less),
            ("a1", "a01", Ordering::Greater),
            ("a01", "a010", Ordering::Less),
            ("007", "7", Ordering::Equal),
            ("00", "0", Ordering::Equal),
            ("p 1", "p1", Ordering::Equal),
            ("p1", "p 2", Ordering::Less),
            ("a:b", "a1", Ordering::Greater),
            ("a-b", "a:b", Ordering::Less),
            ("A", "a", Ordering::Less),
            ("name", "name2", Ordering::Less),
            ("a ", "a", Ordering::Greater),
            ("a1b2", "a1b10", Ordering::Less),
            ("\u{fb00}", "\u{1f600}", Ordering::Less),
        ];
        for (one, other, order) in table {
            assert_eq!(compare(one, other), order, "{one:?} and {other:?}");
            assert_eq!(compare(other, one), order.reverse(), "{other:?} and {one:?}");
        }
    }

    #[test]
    fn equal_paths_stay_in_their_order() {
        let paths = ["p01", "p1", "p001", "p 1", "10", "x", "9", "010"];
        let leaves = paths.map(|path| Leaf { path: path.to_owned(), text: String::new() }).into();
        let sorted: Vec<String> = sort(leaves).into_iter().map(|leaf| leaf.path).collect();
        assert_eq!(sorted, ["9", "10", "010", "p001", "p01", "p1", "p 1", "x"]);
    }
}
