//! Starts a payment method: one new file, one new line.

use std::fs;
use std::path::Path;

const LIST: &str = "crates/ecp-methods/src/methods.rs";
const FOLDER: &str = "crates/ecp-methods/src/methods";

/// `name` is the method's code: lower case letters, digits and `-`, as in `acme-wallet`.
pub(crate) fn new_method(root: &Path, name: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(letters) {
        return Err(format!("`{name}`: a code is lower case letters, digits and `-`"));
    }
    let module = name.replace('-', "_");
    let type_name: String = name.split('-').map(capitalised).collect();

    let list_path = root.join(LIST);
    let list = fs::read_to_string(&list_path).map_err(|error| format!("{LIST}: {error}"))?;
    let line = format!("    {module} => {type_name},\n");
    let list = insert_sorted(&list, &line)
        .ok_or_else(|| format!("{LIST}: the list of methods was not found"))?;

    let file = root.join(FOLDER).join(format!("{module}.rs"));
    if file.exists() {
        return Err(format!("{FOLDER}/{module}.rs exists already"));
    }
    fs::write(&file, template(name, &type_name))
        .map_err(|error| format!("{module}.rs: {error}"))?;
    fs::write(&list_path, list).map_err(|error| format!("{LIST}: {error}"))?;
    println!("new file  {FOLDER}/{module}.rs");
    println!("new line  {LIST}");
    println!(
        "next      replace the placeholders as docs/adding-a-method.md says, then its four commands"
    );
    Ok(())
}

pub(crate) fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}

/// Inserts the line into the list of the macro call, in alphabetical order.
pub(crate) fn insert_sorted(list: &str, line: &str) -> Option<String> {
    let begin = list.find("methods! {\n")? + "methods! {\n".len();
    let end = begin + list[begin..].find("}\n")?;
    let mut lines: Vec<&str> = list[begin..end].split_inclusive('\n').collect();
    let place = lines.iter().position(|known| *known > line).unwrap_or(lines.len());
    lines.insert(place, line);
    Some(format!("{}{}{}", &list[..begin], lines.concat(), &list[end..]))
}

fn template(name: &str, type_name: &str) -> String {
    format!(
        r#"//! {type_name}. Source: the platform's method page, which this file must follow.

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{{Interface, Kind, Rule, Spec}};
use crate::{{PaymentMethod, Sale, Supports}};

/// {type_name}: say in a sentence what it is for and where.
#[derive(Clone, Copy, Debug)]
pub struct {type_name};

impl Supports<Sale> for {type_name} {{}}

impl PaymentMethod for {type_name} {{
    const SPEC: Spec<Self> = Spec::new("{name}", "{type_name}")
        .source("method page \"{type_name}\"")
        .kind(Kind::Wallet)
        .gate_path("wallet/{name}")
        .callback_names(&["{name}"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(
            Rule::new()
                .amount("2.00", "50.00")
                .on(&[Interface::Gate])
                .needs(&[Field::CUSTOMER_ID, Field::CUSTOMER_IP_ADDRESS, Field::RETURN_SUCCESS]),
        );
}}
"#
    )
}
