//! The Payment Page: a signed address, a widget's configuration, a snippet of HTML.

use std::fmt::{self, Write};

use ecp_core::signature::{self, Rules, SignError, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_methods::page::PreparedPage;
use form_urlencoded::Serializer;

use crate::address::{Address, InvalidBaseUrl};

/// Base address of the platform's Payment Page, the hosted form in which a customer pays.
pub const PAYMENT_PAGE_URL: &str = "https://paymentpage.ecommpay.com";

/// A project's Payment Page: signs the parameters of a payment and returns the address of the page
/// for the customer's browser. It sends nothing itself: the browser opens the signed address.
///
/// ```
/// use ecp_core::{PaymentId, ProjectId, SecretKey};
/// use ecp_methods::page::{PageOptions, prepare_page};
/// use ecp_methods::request::{Customer, SaleRequest};
/// use ecp_methods::Jeton;
/// use ecp_transport::PaymentPage;
///
/// let page = PaymentPage::new(ProjectId::new(1236)?, &SecretKey::new("secret")?);
/// let sale = SaleRequest::new(PaymentId::new("X03936")?, "100.00 EUR".parse()?)
///     .customer(Customer::new().id("customer1"));
///
/// let signed = page.sign(&prepare_page(&Jeton, &sale, PageOptions::new())?)?;
/// assert!(signed.url().starts_with("https://paymentpage.ecommpay.com/payment?customer_id="));
/// assert!(signed.html().contains("EPayWidget.run("));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PaymentPage {
    project: ProjectId,
    key: SigningKey,
    address: Address,
}

/// Signed parameters of a payment on the Payment Page. Its methods return them as a URL, as HTML,
/// or as the configuration of the widget (the platform's script that opens the page).
#[derive(Clone)]
pub struct SignedPage {
    address: Address,
    /// Names and values of the parameters as they go into a URL, the signature last.
    parameters: Vec<(String, String)>,
    /// The parameters and the signature as a JSON object, for the widget.
    json: String,
}

/// Error of [`PaymentPage::sign`]: the value of a parameter cannot be signed, because the
/// platform's SDKs would sign it in another way than this library, or because it could be read in
/// two ways. Nothing is signed, so the page cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the parameters of the Payment Page cannot be signed: {0}")]
pub struct PageError(SignError);

impl PageError {
    /// The signing error, with the path of the parameter and the reason.
    pub const fn error(&self) -> &SignError {
        &self.0
    }
}

impl PaymentPage {
    /// Makes the Payment Page of a project at the platform's address, [`PAYMENT_PAGE_URL`]. `key`
    /// is the project's key, which signs the parameters.
    pub fn new(project: ProjectId, key: &SecretKey) -> Self {
        let address = Address::platform("paymentpage.ecommpay.com");
        Self { project, key: SigningKey::new(key), address }
    }

    /// Sets the base address of the Payment Page, [`PAYMENT_PAGE_URL`] by default: a domain of your
    /// own that leads to the page, or a sandbox such as `http://127.0.0.1:8080`. Plain HTTP is
    /// allowed only to this machine.
    pub fn base_url(self, url: &str) -> Result<Self, InvalidBaseUrl> {
        Ok(Self { address: Address::parse(url)?, ..self })
    }

    /// Signs the parameters of a sale for the Payment Page. A `;` in the value of any parameter is
    /// an error, because the documents do not allow it.
    #[expect(clippy::missing_panics_doc, reason = "a map of text and numbers always serialises")]
    pub fn sign(&self, page: &PreparedPage) -> Result<SignedPage, PageError> {
        let parameters = page.parameters(self.project);
        let json =
            serde_json::to_string(&parameters).expect("a map of text and numbers serialises");
        let signature =
            signature::sign(&self.key, json.as_bytes(), Rules::public()).map_err(PageError)?;
        // It has the project's id at least, so that the signature is never the first member.
        let open = json.strip_suffix('}').unwrap_or_else(|| unreachable!("an object"));
        let signed = format!("{open},\"signature\":\"{signature}\"}}");
        let in_url = parameters.iter().map(|(name, value)| ((*name).to_owned(), value.url_text()));
        Ok(SignedPage {
            address: self.address.clone(),
            parameters: in_url.chain([("signature".to_owned(), signature.to_string())]).collect(),
            json: self.with_base_url(signed),
        })
    }
}

impl PaymentPage {
    /// The widget needs the page's address if that is not the platform's own. The parameter
    /// is added after signing, as one of the official plug-ins does.
    fn with_base_url(&self, json: String) -> String {
        let url = self.address.url("");
        match json.strip_suffix('}') {
            Some(open) if url != PAYMENT_PAGE_URL => format!("{open},\"baseUrl\":\"{url}\"}}"),
            _ => json,
        }
    }
}

impl SignedPage {
    /// The URL of the Payment Page with the signed parameters, for the customer's browser. Values
    /// are form-encoded, so `+` in the signature becomes `%2B`.
    pub fn url(&self) -> String {
        let query = Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        format!("{}?{query}", self.address.url("/payment"))
    }

    /// The configuration of the widget (the platform's script that opens the Payment Page) as JSON:
    /// it is the argument of the script's function `EPayWidget.run`. It is escaped, so that it can
    /// stand inside a script element of HTML.
    pub fn widget_config(&self) -> String {
        let mut safe = String::with_capacity(self.json.len());
        for character in self.json.chars() {
            match character {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    // Writing to a String cannot fail.
                    let _ = write!(safe, "\\u{:04x}", u32::from(character));
                }
                other => safe.push(other),
            }
        }
        safe
    }

    /// HTML that loads the platform's widget script and opens the Payment Page in a modal window.
    pub fn html(&self) -> String {
        self.snippet("run")
    }

    /// HTML that loads the platform's widget script and opens the Payment Page inside an element of
    /// your own web page. Name that element by `PageOptions::target_element` when you prepare the
    /// page.
    pub fn embedded_html(&self) -> String {
        self.snippet("runEmbedded")
    }

    fn snippet(&self, function: &str) -> String {
        let style = self.address.url("/shared/merchant.css");
        let script = self.address.url("/shared/merchant.js");
        let config = self.widget_config();
        format!(
            "<link rel=\"stylesheet\" href=\"{style}\">\n\
             <script src=\"{script}\"></script>\n\
             <script>EPayWidget.{function}({config});</script>\n"
        )
    }
}

/// Prints the names of the parameters only: their values may be personal data.
impl fmt::Debug for SignedPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.parameters.iter().map(|(name, _)| name);
        f.write_str("SignedPage")?;
        f.debug_list().entries(names).finish()
    }
}
