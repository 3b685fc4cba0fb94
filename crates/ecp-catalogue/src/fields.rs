//! Fields of these methods besides those that [`Field`] names: their paths as in the copy of the
//! documentation, with made-up examples.

use ecp_methods::request::{Field, Format};

/// The name of the bank's branch.
pub const ACCOUNT_BANK_BRANCH_NAME: Field =
    Field::new("account.bank_branch_name", Format::Text, "Example Branch");
/// The name of the bank.
pub const ACCOUNT_BANK_NAME: Field = Field::new("account.bank_name", Format::Text, "Example Bank");
/// An account number of digits alone.
pub const ACCOUNT_NUMBER_DIGITS: Field =
    Field::new("account.number", Format::Digits, "123456789012");
/// A wallet's account in the Philippines: a mobile number.
pub const ACCOUNT_NUMBER_PHILIPPINES: Field =
    Field::new("account.number", Format::Digits, "09123456789");
/// The cryptocurrency that is paid out.
pub const ACCOUNT_CRYPTO_CURRENCY: Field =
    Field::new("account.crypto_currency", Format::Text, "USDT");
/// The network over which a cryptocurrency is paid out.
pub const ACCOUNT_CRYPTO_PAYWAY: Field = Field::new("account.crypto_payway", Format::Text, "ETH");
/// The account holder's name.
pub const ACCOUNT_CUSTOMER_NAME: Field =
    Field::new("account.customer_name", Format::Text, "Maryam Smithson");
/// The wallet's security code.
pub const ACCOUNT_SECURITY_CODE: Field =
    Field::new("account.security_code", Format::Text, "907316");
/// The customer's id at the wallet.
pub const CUSTOMER_ACCOUNT_ID: Field =
    Field::new("customer.account_id", Format::Text, "account-93017949");
/// The number of the document that proves who the customer is.
pub const IDENTIFY_DOC_NUMBER: Field =
    Field::new("identify.doc_number", Format::Text, "9301794912");
/// The kind of that document.
pub const IDENTIFY_DOC_TYPE: Field = Field::new("identify.doc_type", Format::Text, "CC");
