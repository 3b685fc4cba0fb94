//! Texts for customers, in English and Russian.

use ecp_methods::request::Field;
use http::{HeaderMap, header};

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    English,
    Russian,
}

impl Language {
    /// The language of a code such as `ru`, `RU` or `ru-RU`; English for all that are not spoken.
    pub(crate) fn of_code(code: &str) -> Self {
        Self::spoken(code).unwrap_or_default()
    }

    /// The first of the browser's languages that is spoken, by their order.
    pub(crate) fn of_browser(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        accepted.unwrap_or_default().split(',').find_map(Self::spoken).unwrap_or_default()
    }

    /// For the page's `lang`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    pub(crate) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Russian => &RUSSIAN,
        }
    }

    fn spoken(tag: &str) -> Option<Self> {
        let primary = tag.split([';', '-', '_']).next().unwrap_or_default().trim();
        if primary.eq_ignore_ascii_case("en") {
            Some(Self::English)
        } else if primary.eq_ignore_ascii_case("ru") {
            Some(Self::Russian)
        } else {
            None
        }
    }
}

macro_rules! texts {
    ($($name:ident: $english:literal, $russian:literal;)*) => {
        /// Every text of the customers' pages.
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)*
        }

        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static RUSSIAN: Texts = Texts { $($name: $russian,)* };
    };
}

texts! {
    amount: "Amount", "Сумма";
    amount_decides:
        "This is one of the method’s test amounts: it decides the result, whichever button you press.",
        "Это одна из тестовых сумм метода: результат зависит от неё, какую бы кнопку вы ни нажали.";
    amount_in: "Amount in", "Сумма в";
    amount_missing: "Choose an amount first.", "Сначала выберите сумму.";
    amount_open:
        "You choose the amount on the next page.",
        "Сумму вы выберете на следующей странице.";
    asked_to_confirm:
        "After Success, the merchant is asked to confirm the amount.",
        "После Success продавцу предложат подтвердить сумму.";
    awaiting_clarification:
        "The merchant is being asked for details of the payment.",
        "У продавца запрашивают данные о платеже.";
    awaiting_merchant:
        "The merchant is being asked to confirm the amount.",
        "Продавца просят подтвердить сумму.";
    back_to_shop: "Back to the shop", "Вернуться в магазин";
    choose_amount: "Choose an amount", "Выберите сумму";
    choose_method: "Choose how to pay", "Выберите способ оплаты";
    choose_other: "Choose another way to pay", "Выбрать другой способ";
    choose_vouchers:
        "How many of each voucher?",
        "Сколько каких ваучеров?";
    close: "Close", "Закрыть";
    code: "Code", "Код";
    continue_to: "Continue to", "Перейти на страницу";
    continue_with: "Continue with", "Продолжить:";
    declined: "The payment was declined.", "Платёж отклонён.";
    description: "Description", "Описание";
    error_intro:
        "The merchant’s link has a mistake, so nothing was shown and nothing was paid. This is what is wrong:",
        "В ссылке продавца есть ошибка, поэтому форма не открыта и ничего не оплачено. Что именно не так:";
    error_title: "This payment page cannot be opened", "Платёжную страницу нельзя открыть";
    field_invalid: "Check this field.", "Проверьте это поле.";
    foreign_form:
        "This page has no such button or voucher.",
        "На этой странице нет такой кнопки или такого ваучера.";
    form_lost:
        "The merchant’s form did not send on as they were given:",
        "Форма продавца не передала в исходном виде:";
    qr_code: "QR code", "QR-код";
    qr_too_long:
        "This text is too long for a QR code:",
        "Этот текст слишком длинный для QR-кода:";
    refresh: "Refresh", "Обновить";
    method: "Method", "Способ оплаты";
    no_amount: "No amount", "Без суммы";
    no_money: "Sandbox: no real money", "Песочница: деньги не настоящие";
    of_one_more: "of one more", "от ещё одного";
    parameter: "Parameter", "Параметр";
    pay_title: "Payment", "Оплата";
    payment: "Payment", "Платёж";
    phone_asked:
        "A message was sent to your phone. Press a button in its place.",
        "На ваш телефон отправлено сообщение. Нажмите кнопку вместо него.";
    platform_code: "Platform’s code", "Код платформы";
    processing: "The payment is being processed.", "Платёж обрабатывается.";
    project: "Merchant’s project", "Проект продавца";
    returning:
        "You will be sent back to the shop in a few seconds.",
        "Через несколько секунд вы вернётесь в магазин.";
    sending: "You are being sent on", "Вы переходите на страницу оплаты";
    signed_text:
        "What the sandbox signed, one item a line. Compare it with what your side signed:",
        "Что подписала песочница, по одному элементу в строке. Сравните с тем, что подписала ваша сторона:";
    succeeded: "The payment succeeded.", "Платёж выполнен.";
    updates_itself: "This page updates by itself.", "Страница обновится сама.";
    voucher_code: "Security code", "Код безопасности";
    voucher_empty: "Fill in this field.", "Заполните это поле.";
    voucher_expired: "This voucher has expired.", "Срок действия этого ваучера истёк.";
    voucher_expiry: "Expiry, MM/YY", "Срок действия, ММ/ГГ";
    voucher_mismatch: "This does not fit the voucher’s number.", "Не подходит к номеру ваучера.";
    voucher_number: "Voucher’s number", "Номер ваучера";
    voucher_odd:
        "In the platform’s example, but not in its list of values.",
        "Есть в примере платформы, но не в её списке номиналов.";
    voucher_pays: "This voucher pays.", "Этот ваучер оплачивает.";
    voucher_refused:
        "The voucher was not accepted. Nothing was paid, and you can try again.",
        "Ваучер не принят. Ничего не оплачено, можно попробовать ещё раз.";
    voucher_tests:
        "Test vouchers of this sandbox: number, security code, expiry.",
        "Тестовые ваучеры этой песочницы: номер, код безопасности, срок действия.";
    voucher_unknown: "There is no voucher with this number.", "Ваучера с таким номером нет.";
    voucher_used: "This voucher has been used.", "Этот ваучер уже использован.";
    vouchers: "Vouchers", "Ваучеры";
    wait_title: "One moment", "Одну минуту";
    waiting_customer:
        "Finish the payment on the provider’s page.",
        "Завершите платёж на странице провайдера.";
    your_details: "This method needs some details from you", "Этому методу нужны ваши данные";
    country: "Country, two letters", "Страна, две буквы";
    address: "Address", "Адрес";
    city: "City", "Город";
    day_of_birth: "Date of birth, DD-MM-YYYY", "Дата рождения, ДД-ММ-ГГГГ";
    email: "E-mail", "Электронная почта";
    first_name: "First name", "Имя";
    last_name: "Last name", "Фамилия";
    phone: "Phone, digits only", "Телефон, только цифры";
    state: "State or region", "Штат или регион";
    zip: "Postal code", "Почтовый индекс";
}

impl Texts {
    /// The name of a customer's field; a field without one has its path.
    pub(crate) fn field(&self, field: Field) -> &'static str {
        match field {
            Field::CUSTOMER_ADDRESS => self.address,
            Field::CUSTOMER_CITY => self.city,
            Field::CUSTOMER_COUNTRY => self.country,
            Field::CUSTOMER_DAY_OF_BIRTH => self.day_of_birth,
            Field::CUSTOMER_EMAIL => self.email,
            Field::CUSTOMER_FIRST_NAME => self.first_name,
            Field::CUSTOMER_LAST_NAME => self.last_name,
            Field::CUSTOMER_PHONE => self.phone,
            Field::CUSTOMER_STATE => self.state,
            Field::CUSTOMER_ZIP => self.zip,
            Field::DESCRIPTION => self.description,
            other => other.path(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_code_and_by_browser() {
        let table = [("ru", "ru"), ("RU", "ru"), ("ru-RU", "ru"), ("en_GB", "en"), ("de", "en")];
        for (code, expected) in table {
            assert_eq!(Language::of_code(code).code(), expected, "{code}");
        }
        let table = [
            ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
            ("de-DE,de;q=0.9,ru;q=0.5,en;q=0.4", "ru"),
            ("en-US,en;q=0.9,ru;q=0.8", "en"),
            ("", "en"),
            ("*", "en"),
        ];
        for (accepted, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(Language::of_browser(&headers).code(), expected, "{accepted}");
        }
        assert_eq!(Language::of_browser(&HeaderMap::new()), Language::English);
    }
}
