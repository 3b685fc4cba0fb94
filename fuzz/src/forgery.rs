//! A search for documents that are cut out of a genuine one without the key.
//!
//! An attacker chooses one or two texts of a genuine message (a description, a name, an account)
//! and sees its signature. From the signed string other documents are made: texts are cut into
//! members, members are swallowed by texts and names, and the border between a path and its text is
//! moved. All of them have the signature of the genuine one.

mod attack;
mod choices;
mod recut;
mod sources;

use std::collections::BTreeMap;
use std::fmt;

use ecp_core::json::{Document, Limits};
use ecp_core::signature::{self, Order, Rules};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::{Reading, Verified, Verifier};
use serde_json::Value;

pub use self::choices::Choices;
use self::recut::Cut;
use self::sources::{SOURCES, Source};

/// Results of a search.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Number of documents made.
    pub made: u64,
    /// Those with the signature of the genuine one.
    pub of_one_string: u64,
    /// Those of them that a verifier accepts as a callback or a `check_deposit` request.
    pub taken: u64,
    /// Those of them with one reading.
    pub unique: u64,
    /// Those of them with one reading that have a deciding member which their source lacks: it is
    /// between the chosen text and the next member.
    pub added: u64,
    /// Those that hide an item of the genuine one and are not ambiguous, and those that a verifier
    /// accepts with one reading and that lack a deciding member.
    pub forged: Vec<Forgery>,
    /// Documents that would be forged if only texts were in doubt that could be cut in place, by
    /// the name of the source.
    pub forged_by_order_alone: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made, of_one_string, taken, unique, added, forged, forged_by_order_alone } =
            self;
        writeln!(f, "{made} documents, {of_one_string} with the signature of the genuine one")?;
        writeln!(f, "{taken} are taken by a verifier, {unique} of them with one reading")?;
        writeln!(f, "{added} of these have members that were added; {} are forged", forged.len())?;
        write!(f, "forged if the order alone counted: {forged_by_order_alone:?}")?;
        forged.iter().take(3).try_for_each(|forgery| write!(f, "\n{forgery:#?}"))
    }
}

/// A document that must not have one reading.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// The name of the source.
    pub source: &'static str,
    /// The member of the source that is hidden.
    pub hidden: String,
    /// The genuine document.
    pub genuine: String,
    /// The forged document.
    pub made: String,
}

/// A search with its verifier.
pub struct Search {
    verifier: Verifier,
    key: signature::SigningKey,
    /// The results so far.
    pub tally: Tally,
}

impl Default for Search {
    fn default() -> Self {
        let secret = SecretKey::new("a key that the search does not use but for genuine documents")
            .unwrap_or_else(|_| unreachable!("the key is not empty"));
        let project = ProjectId::new(1).unwrap_or_else(|_| unreachable!("1 is a project"));
        let verifier = Verifier::new().key(project, &secret);
        let key = signature::SigningKey::new(&secret);
        Self { verifier, key, tally: Tally::default() }
    }
}

/// Number of documents made from one genuine one.
const CUTS: usize = 16;

impl Search {
    /// Makes one genuine document and several others from its string.
    pub fn round(&mut self, choices: &mut Choices<'_>) {
        let source = &SOURCES[choices.below(SOURCES.len())];
        let attacked = attack::of(source, choices);
        let order = *choices.of(Order::ALL);
        let own_only = choices.one_in(3);
        let string = recut::canonical(&attacked.document, order, own_only);
        let Some(signature) = self.sign(&string) else { return };
        let genuine = recut::signed(attacked.document.clone(), &signature, choices);
        self.judge(source, &attacked, &genuine, None);
        for _ in 0..CUTS {
            let Some(cut) = recut::recut(&string, order, choices) else { continue };
            let made = recut::signed(cut.document.clone(), &signature, choices);
            self.judge(source, &attacked, &made, Some(&cut));
        }
    }

    /// The signature of any text that holds a `:`: a document of one member has it.
    fn sign(&self, string: &str) -> Option<String> {
        let (name, text) = string.split_once(':')?;
        let json = serde_json::json!({ name: text }).to_string();
        let rules = Rules::private().allow_ambiguous();
        debug_assert_eq!(
            signature::canonical_string(json.as_bytes(), rules).as_deref(),
            Ok(string)
        );
        Some(signature::sign(&self.key, json.as_bytes(), rules).ok()?.to_string())
    }

    fn judge(
        &mut self,
        source: &Source,
        attacked: &attack::Attacked,
        made: &Value,
        cut: Option<&Cut>,
    ) {
        self.tally.made += 1;
        let json = made.to_string();
        let Ok(document) = Document::parse(json.as_bytes(), Limits::default()) else { return };
        let Ok(found) = signature::verify_document([&self.key], &document) else { return };
        self.tally.of_one_string += 1;
        let Ok(doubts) = signature::doubts(&document, &found) else { return };
        let members = recut::leaves(made);
        let mut hidden = attacked.item_hidden_in(&members);
        if hidden.is_some() && cut.is_some_and(Cut::is_unique_by_order) {
            *self.tally.forged_by_order_alone.entry(source.name).or_default() += 1;
        }
        hidden = hidden.filter(|_| doubts.ambiguous.is_empty());
        let reading = match self.verifier.verify(json.as_bytes()) {
            Ok(callback) => Some(is_unique(&callback)),
            Err(_) => {
                let check = self.verifier.verify_deposit_check(json.as_bytes());
                check.ok().map(|check| is_unique(&check))
            }
        };
        self.tally.taken += u64::from(reading.is_some());
        if reading == Some(true) {
            self.tally.unique += 1;
            self.tally.added += u64::from(attacked.adds_to(&members));
            hidden = hidden.or_else(|| attacked.hidden_in(&members));
        }
        if let Some(hidden) = hidden {
            self.tally.forged.push(Forgery {
                source: source.name,
                hidden,
                genuine: attacked.document.to_string(),
                made: json,
            });
        }
    }
}

fn is_unique<T, B: AsRef<[u8]>>(verified: &Verified<T, B>) -> bool {
    verified.reading() == Reading::Unique
}

/// No document of one reading that is made from a genuine one hides a deciding member. The input
/// makes the choices.
pub fn forgery(bytes: &[u8]) {
    let mut search = Search::default();
    search.round(&mut Choices::Bytes(bytes));
    assert!(search.tally.forged.is_empty(), "{}", search.tally);
}
