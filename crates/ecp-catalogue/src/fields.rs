//! Fields that payment methods of this crate need and that are not constants of [`Field`]. Their
//! paths are those of the copy of the platform's documentation; their examples are made up.

use ecp_methods::request::{Field, Format};

/// The name of the branch of the payout recipient's bank.
pub const ACCOUNT_BANK_BRANCH_NAME: Field =
    Field::new("account.bank_branch_name", Format::Text, "Example Branch");
/// The name of the payout recipient's bank.
pub const ACCOUNT_BANK_NAME: Field = Field::new("account.bank_name", Format::Text, "Example Bank");
/// The number of the customer's account at the payment method, for methods whose account numbers
/// have only digits, 1 to 255 of them. The path in the request is `account.number`, as for
/// [`Field::ACCOUNT_NUMBER`], which allows any text.
pub const ACCOUNT_NUMBER_DIGITS: Field =
    Field::new("account.number", Format::Digits, "123456789012");
/// The number of the customer's account at a wallet of the Philippines: a mobile number of 11
/// digits that begin with 09. The path in the request is `account.number`, as for
/// [`Field::ACCOUNT_NUMBER`]. The wallets' own checks refuse another form; this field alone checks
/// only for digits.
pub const ACCOUNT_NUMBER_PHILIPPINES: Field =
    Field::new("account.number", Format::Digits, "09123456789");
/// The cryptocurrency of a payout, such as `USDT`.
pub const ACCOUNT_CRYPTO_CURRENCY: Field =
    Field::new("account.crypto_currency", Format::Text, "USDT");
/// The blockchain network by which a payout in a cryptocurrency is sent, such as `ETH`.
pub const ACCOUNT_CRYPTO_PAYWAY: Field = Field::new("account.crypto_payway", Format::Text, "ETH");
/// The name of the holder of the customer's account at the payment method, such as the wallet that
/// a payout pays into.
pub const ACCOUNT_CUSTOMER_NAME: Field =
    Field::new("account.customer_name", Format::Text, "Maryam Smithson");
/// The security code of the customer's wallet account. Ask your account manager where the customer
/// finds it.
pub const ACCOUNT_SECURITY_CODE: Field =
    Field::new("account.security_code", Format::Text, "907316");
/// The customer's id at the wallet's service, for payouts.
pub const CUSTOMER_ACCOUNT_ID: Field =
    Field::new("customer.account_id", Format::Text, "account-93017949");
/// The number of the customer's identity document.
pub const IDENTIFY_DOC_NUMBER: Field =
    Field::new("identify.doc_number", Format::Text, "9301794912");
/// The type of the customer's identity document, by a code that depends on the country, such as
/// `CC`. Any text is accepted here; ask your account manager for the codes.
pub const IDENTIFY_DOC_TYPE: Field = Field::new("identify.doc_type", Format::Text, "CC");
