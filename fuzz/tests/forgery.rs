//! A document with one reading hides no signed item.

use ecp_fuzz::{Choices, Search};

#[test]
fn no_document_of_one_reading_hides_a_member_that_decides() {
    let mut search = Search::default();
    for seed in 0..2000 {
        search.round(&mut Choices::Seeded(seed));
    }
    let tally = search.tally;
    assert!(tally.forged.is_empty(), "{tally}");
    // The search must be effective: it makes documents that verify, and ones that were accepted
    // before texts were in doubt in any order.
    assert!(tally.made > 10_000 && tally.of_one_string > 1000, "{tally}");
    assert!(tally.unique > 100 && tally.added > 0, "{tally}");
    let sources = ["callback of a payment", "callback of a payment, short", "Payment Page"];
    for source in sources {
        let forged = tally.forged_by_order_alone.get(source);
        assert!(forged.is_some_and(|count| *count > 0), "{source}: {tally}");
    }
}
