//! A genuine document with texts of an attacker.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::choices::Choices;
use super::recut::{Path, leaves, place};
use super::sources::Source;

/// A genuine document with the chosen texts.
pub(super) struct Attacked {
    pub(super) document: Value,
    chosen: Vec<Path>,
    members: BTreeMap<Path, String>,
}

/// Chooses one text of a document, or two.
pub(super) fn of(source: &Source, choices: &mut Choices<'_>) -> Attacked {
    let mut document: Value =
        serde_json::from_str(source.json).unwrap_or_else(|_| unreachable!("a source is JSON"));
    let paths: Vec<Path> = leaves(&document).into_keys().collect();
    let mut is_text =
        |path: &&Path| place(&mut document, path).is_some_and(|text| text.is_string());
    let texts = paths.iter().filter(|path| !has_deciding_name(path));
    let texts: Vec<Path> = texts.filter(&mut is_text).cloned().collect();
    let mut chosen = Vec::new();
    for _ in 0..=usize::from(choices.one_in(4)) {
        let path = choices.of(&texts).clone();
        let next = paths.iter().find(|other| **other > path).map(|next| next.join(":"));
        let text = hostile(&path.join(":"), next.as_deref(), choices);
        if let Some(value) = place(&mut document, &path) {
            *value = text.into();
        }
        chosen.push(path);
    }
    let members = leaves(&document);
    Attacked { document, chosen, members }
}

impl Attacked {
    /// An item of the genuine document that the other one does not have.
    pub(super) fn item_hidden_in(&self, made: &BTreeMap<Path, String>) -> Option<String> {
        let item = |(path, text): (&Path, &String)| {
            let names: Vec<String> = path.iter().map(|name| name.replace(':', "::")).collect();
            format!("{}:{text}", names.join(":"))
        };
        let made: BTreeSet<String> = made.iter().map(item).collect();
        let is_signed = |path: &Path| path.last().is_none_or(|name| name != "signature");
        let mut genuine = self.members.iter().filter(|(path, _)| is_signed(path));
        let hidden = genuine.find(|(path, text)| {
            !self.chosen.contains(path) && !made.contains(&item((path, text)))
        });
        hidden.map(|(path, _)| path.join("."))
    }

    /// A deciding member that is missing or has another value.
    pub(super) fn hidden_in(&self, made: &BTreeMap<Path, String>) -> Option<String> {
        let hidden = self.members.iter().find(|(path, text)| {
            decides(path) && !self.chosen.contains(path) && made.get(*path) != Some(text)
        });
        hidden.map(|(path, _)| path.join("."))
    }

    /// Whether a deciding member is present that the source lacks.
    pub(super) fn adds_to(&self, made: &BTreeMap<Path, String>) -> bool {
        made.keys().any(|path| decides(path) && !self.members.contains_key(path))
    }
}

fn has_deciding_name(path: &[String]) -> bool {
    const WORDS: [&str; 6] = ["id", "status", "type", "method", "amount", "currency"];
    let name = path.last().map_or("", String::as_str);
    WORDS.contains(&name.rsplit('_').next().unwrap_or(name))
}

/// Members that give a message its meaning: those at the root, and those of the objects that the
/// models do not read as text.
pub(super) fn decides(path: &[String]) -> bool {
    const OBJECTS: [&str; 5] = ["general", "operation", "operations", "payment", "transaction"];
    const DESCRIBE: [&str; 3] = ["provider", "request_id", "sum_converted"];
    has_deciding_name(path)
        && (path.len() == 1 || OBJECTS.contains(&path[0].as_str()))
        && !path.iter().skip(1).any(|name| DESCRIBE.contains(&name.as_str()))
        && !matches!(path, [root, ..] if root == "request_id")
}

/// Members that an attacker would add.
const WANTED: &[&str] = &[
    "amount:999900",
    "currency:EUR",
    "customer:id:c",
    "general:payment_id:VICTIM",
    "general:project_id:1",
    "operation:id:9",
    "operation:status:success",
    "operation:sum_initial:amount:999900",
    "operation:sum_initial:currency:EUR",
    "operation:type:sale",
    "operations:0:id:9",
    "operations:0:status:success",
    "payment:id:VICTIM",
    "payment:method:m",
    "payment:status:success",
    "payment:sum:amount:999900",
    "payment:sum:currency:EUR",
    "payment:type:purchase",
    "payment_id:VICTIM",
    "payment_method:m",
    "project_id:1",
    "redirect_data:method:GET",
    "redirect_data:url:https://evil.example/",
    "token:t",
    "transaction:id:9",
    "transaction:type:sale",
    "type:check_deposit",
];

/// The beginnings of members that could hide the following ones.
const HIDING: &[&str] = &[
    "zz:",
    "zz:end",
    "payment:stz:",
    "operation:stz:",
    "operation:provider:z:",
    "payment:sum:z:",
    "pb:x",
    "q:",
    "project_ie:",
    "account:z:",
    "customer:z:",
    "general:z:",
    "a:",
    "_:",
    "~:x",
    ":x",
    "::x:",
    "z::z:",
    "Z.z-9:",
    "größe:",
    "x y:",
    "zz:0:",
    "signature:",
    "frame_mode:",
    "z;z:",
];

const BEGINNINGS: &[&str] =
    &["x", "", "Order 5; thank you", ";", "a:b", "x;", "id:1", "size: M; colour: red"];

/// All members that a callback of a payment needs.
const CALLBACK: &[&str] = &[
    "customer:id:c",
    "operation:id:9",
    "operation:status:success",
    "operation:sum_initial:amount:999900",
    "operation:sum_initial:currency:EUR",
    "operation:type:sale",
    "payment:id:VICTIM",
    "payment:method:m",
    "payment:status:success",
    "payment:sum:amount:999900",
    "payment:sum:currency:EUR",
    "payment:type:purchase",
    "project_id:1",
];

/// A text for a path, with members that sort after the beginning, in any order, or only between the
/// path and the next one.
fn hostile(path: &str, next: Option<&str>, choices: &mut Choices<'_>) -> String {
    let wanted: Vec<&str> = match choices.below(4) {
        0 => CALLBACK[choices.below(CALLBACK.len())..].to_vec(),
        1 => {
            let fits = |item: &&str| *item > path && next.is_none_or(|next| *item < next);
            WANTED.iter().copied().filter(fits).filter(|_| !choices.one_in(4)).collect()
        }
        2 => (0..choices.below(8)).map(|_| *choices.of(WANTED)).collect(),
        _ => {
            let some = (0..choices.below(8)).map(|_| *choices.of(WANTED));
            some.collect::<BTreeSet<&str>>().into_iter().collect()
        }
    };
    let mut items = vec![*choices.of(BEGINNINGS)];
    items.extend(wanted);
    if !choices.one_in(3) {
        let hiding: &&str = choices.of(HIDING);
        items.push(hiding);
    }
    if choices.one_in(16) {
        items.push("");
    }
    items.join(";")
}
