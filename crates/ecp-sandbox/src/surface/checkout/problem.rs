//! Why a Payment Page is not shown.

use crate::surface::i18n::Language;

/// Reason why the Payment Page does not open, shown to the customer in its place.
#[derive(Debug, PartialEq)]
pub(crate) enum Problem {
    /// A page of another site opened the Payment Page and chose a URL for callbacks that is not in
    /// the sandbox's configuration.
    CallbackAddress,
    /// The signature in the Payment Page's URL does not match the other parameters.
    BadSignature {
        /// The items of the text that must be signed, such as `payment_amount:10000`.
        signed: Vec<String>,
    },
    /// The time to pay is over: the parameter `best_before` is in the past.
    Expired,
    /// The parameter with this name does not have its documented form, such as an amount that is no
    /// whole number.
    Malformed(String),
    Missing(Vec<&'static str>),
    /// The payment method in `force_payment_method` does not take the payment's currency.
    MethodRefusesCurrency,
    /// The amount is outside of the limits of the payment method in `force_payment_method`.
    MethodRefusesAmount,
    NoMethod,
    NoSignature,
    /// The parameter with this name is given more than once.
    Repeated(String),
    /// The value of the parameter with this name contains a `;`, which no parameter may contain.
    Separator(String),
    /// A different payment already has the id in the parameter `payment_id`.
    Taken,
    UnknownCurrency,
    UnknownMethod(String),
    UnknownProject,
    /// The parameter with this name asks for something that the platform can do and the sandbox
    /// cannot, such as the mode `card_verify`.
    Unsupported(&'static str),
}

impl Problem {
    /// Returns the platform's code for the problem; `None` if Gate's refusals have no such code.
    pub(crate) const fn code(&self) -> Option<u32> {
        Some(match self {
            Self::BadSignature { .. } => 3261,
            Self::Malformed(_) => 702,
            Self::Missing(_) => 2004,
            Self::MethodRefusesCurrency => 3023,
            Self::NoSignature => 3262,
            Self::Taken => 3041,
            Self::UnknownCurrency => 3121,
            Self::UnknownMethod(_) => 2541,
            Self::UnknownProject => 2442,
            Self::CallbackAddress
            | Self::Expired
            | Self::MethodRefusesAmount
            | Self::NoMethod
            | Self::Repeated(_)
            | Self::Separator(_)
            | Self::Unsupported(_) => return None,
        })
    }

    /// Returns the names of the parameters that the problem is about.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        match self {
            Self::BadSignature { .. } | Self::NoSignature => vec!["signature"],
            Self::CallbackAddress => vec!["merchant_callback_url"],
            Self::Expired => vec!["best_before"],
            Self::Malformed(name) | Self::Repeated(name) | Self::Separator(name) => vec![name],
            Self::Missing(names) => names.clone(),
            Self::MethodRefusesCurrency => vec!["force_payment_method", "payment_currency"],
            Self::MethodRefusesAmount => vec!["force_payment_method", "payment_amount"],
            Self::NoMethod => vec!["payment_amount", "payment_currency"],
            Self::Taken => vec!["payment_id"],
            Self::UnknownCurrency => vec!["payment_currency"],
            Self::UnknownMethod(_) => vec!["force_payment_method"],
            Self::UnknownProject => vec!["project_id"],
            Self::Unsupported(name) => vec![name],
        }
    }

    /// Returns the text that the sandbox signs, item by item; empty unless the signature is wrong.
    pub(crate) fn signed(&self) -> &[String] {
        match self {
            Self::BadSignature { signed } => signed,
            _ => &[],
        }
    }

    pub(crate) fn text(&self, language: Language) -> String {
        let (english, russian) = match self {
            Self::BadSignature { .. } => (
                "The signature does not match these parameters and the project’s key.",
                "Подпись не соответствует этим параметрам и ключу проекта.",
            ),
            Self::CallbackAddress => (
                "A page of another site opened this page and chose where callbacks go. Start the \
                 sandbox with this address as its callback URL (--callback-url), or open the page \
                 directly.",
                "Эту страницу открыл другой сайт, и он выбрал адрес для оповещений. Запустите \
                 песочницу с этим адресом (--callback-url) или откройте страницу напрямую.",
            ),
            Self::Expired => ("The time to pay is over.", "Время на оплату истекло."),
            Self::Malformed(_) => (
                "The parameter does not have its documented form.",
                "Параметр задан не в том виде, который описан в документации.",
            ),
            Self::Missing(_) => {
                ("Required parameters are missing or empty.", "Не заданы обязательные параметры.")
            }
            Self::MethodRefusesCurrency => {
                ("The method does not take this currency.", "Метод не принимает эту валюту.")
            }
            Self::MethodRefusesAmount => (
                "The amount is outside of the method’s limits.",
                "Сумма выходит за пределы, установленные для метода.",
            ),
            Self::NoMethod => (
                "No method takes this amount in this currency.",
                "Ни один метод не принимает эту сумму в этой валюте.",
            ),
            Self::NoSignature => (
                "The parameters are not signed: add their `signature`.",
                "Параметры не подписаны: добавьте `signature`.",
            ),
            Self::Repeated(_) => {
                ("The parameter is given more than once.", "Параметр задан несколько раз.")
            }
            Self::Separator(_) => (
                "The parameter holds a semicolon, which no parameter may hold.",
                "Параметр содержит точку с запятой, это не разрешено.",
            ),
            Self::Taken => (
                "A different payment already has this id.",
                "Платёж с таким идентификатором уже есть, и это другой платёж.",
            ),
            Self::UnknownCurrency => ("There is no such currency.", "Такой валюты нет."),
            Self::UnknownMethod(code) => {
                return match language {
                    Language::English => format!("There is no method with the code {code}."),
                    Language::Russian => format!("Метода с кодом {code} нет."),
                };
            }
            Self::UnknownProject => {
                ("The sandbox has no such project.", "В песочнице нет такого проекта.")
            }
            Self::Unsupported(_) => (
                "The platform has this, the sandbox does not: it shows purchases only.",
                "На платформе это есть, в песочнице нет: она показывает только покупки.",
            ),
        };
        match language {
            Language::English => english.to_owned(),
            Language::Russian => russian.to_owned(),
        }
    }
}
