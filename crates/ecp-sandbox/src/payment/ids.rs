//! Ids that look like the platform's and are the same in every run.

use ecp_core::{PaymentId, ProjectId};
use sha2::{Digest, Sha512};

/// Where the operations of follow-ups are counted from, far above those of payments.
const FIRST_FOLLOW_UP: u64 = 5_000_000_000;

/// The project and the payment of an event or a message; `None` where unknown.
pub(crate) type About = (Option<ProjectId>, Option<PaymentId>);

/// Generates ids from a seed. Each is a hash of the seed, its purpose and a counter, so that ids of
/// different kinds do not depend on each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    seed: u64,
}

/// The ids of one operation.
#[derive(Debug)]
pub(crate) struct OperationIds {
    pub(crate) request: String,
    pub(crate) operation: u64,
    /// The provider's id of the operation.
    pub(crate) provider_payment: String,
}

/// The ids of one payment.
#[derive(Debug)]
pub(crate) struct PaymentIds {
    /// The ids of the sale or payout itself.
    pub(crate) first: OperationIds,
    /// The number of the customer's wallet, for methods that show it.
    pub(crate) wallet: String,
    /// The last part of the provider page's address.
    pub(crate) token: String,
    /// 64 hexadecimal digits for the redirect to the provider.
    pub(crate) checksum: String,
}

impl Ids {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the request id in the platform's form: a hash and a number.
    pub(crate) fn request(self, answer: u64) -> String {
        format!("{}-{answer:08}", self.hex("request", answer, 40))
    }

    pub(crate) fn payment(self, request: String, payment: u64) -> PaymentIds {
        PaymentIds {
            first: self.operation(request, payment),
            wallet: (10_000_000 + self.number("wallet", payment) % 90_000_000).to_string(),
            token: self.hex("token", payment, 32),
            checksum: self.hex("checksum", payment, 64),
        }
    }

    /// Returns the ids of a follow-up's operation. `follow_up` is its number among all follow-ups,
    /// from 1.
    pub(crate) fn follow_up(self, request: String, follow_up: u64) -> OperationIds {
        self.operation(request, FIRST_FOLLOW_UP + follow_up)
    }

    /// Returns a pseudo-random number from 0 to 99, for the draw number `time` of a fault rule
    /// about one payment.
    pub(crate) fn lot(self, rule: u64, about: &str, time: u64) -> u8 {
        let drawn = self.number(&format!("fault {rule} {about}"), time) % 100;
        u8::try_from(drawn).unwrap_or_default()
    }

    fn operation(self, request: String, counter: u64) -> OperationIds {
        OperationIds {
            request,
            // 14 digits, as documented ones have, and unique by the last ten.
            operation: (1000 + self.number("operation", 0) % 9000) * 10_000_000_000 + counter,
            provider_payment: (3_000_000 + self.number("provider", 0) % 1_000_000 + counter)
                .to_string(),
        }
    }

    fn hash(self, what: &str, counter: u64) -> [u8; 64] {
        Sha512::digest(format!("ecp-sandbox {} {what} {counter}", self.seed)).into()
    }

    fn hex(self, what: &str, counter: u64, digits: usize) -> String {
        let half_bytes =
            self.hash(what, counter).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
        half_bytes.take(digits).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
    }

    fn number(self, what: &str, counter: u64) -> u64 {
        let [a, b, c, d, ..] = self.hash(what, counter);
        u32::from_be_bytes([a, b, c, d]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_the_seed_and_the_counter_alone() {
        let one = format!("{:?}", Ids::new(1).payment("r".to_owned(), 7));
        assert_eq!(one, format!("{:?}", Ids::new(1).payment("r".to_owned(), 7)));
        assert_ne!(one, format!("{:?}", Ids::new(2).payment("r".to_owned(), 7)));
        assert_ne!(one, format!("{:?}", Ids::new(1).payment("r".to_owned(), 8)));
        assert_ne!(Ids::new(1).request(1), Ids::new(1).request(2));
    }

    #[test]
    fn operation_ids_are_exact_in_every_json_reader() {
        for seed in 0..50 {
            let ids = Ids::new(seed).payment(String::new(), 1);
            let refund = Ids::new(seed).follow_up(String::new(), 1);
            for operation in [ids.first.operation, refund.operation] {
                assert!(operation < 1 << 53 && operation.to_string().len() == 14);
            }
            assert_ne!(ids.first.operation, refund.operation);
            assert_eq!((ids.wallet.len(), ids.token.len()), (8, 32));
        }
    }
}
