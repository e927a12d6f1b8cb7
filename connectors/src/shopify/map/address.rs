//! Addresses of customers and orders.

use cartage_model::{Address, OrderAddress};

use super::{super::group::unguarded, country, sheet::Sheet};

/// The columns of an address. An order has the province's code in the plain column and its name
/// in another; a customer the other way round.
pub(super) struct Columns {
    company: &'static str,
    line1: &'static str,
    line2: &'static str,
    city: &'static str,
    zip: &'static str,
    province: &'static str,
    province_code: &'static str,
    country: &'static str,
    country_code: &'static str,
    phone: &'static str,
}

impl Columns {
    pub(super) const CUSTOMER: Self = Self {
        company: "company",
        line1: "address1",
        line2: "address2",
        city: "city",
        zip: "zip",
        province: "province",
        province_code: "province code",
        country: "country",
        country_code: "country code",
        phone: "address phone",
    };

    const BILLING: Self = Self {
        company: "billing company",
        line1: "billing address1",
        line2: "billing address2",
        city: "billing city",
        zip: "billing zip",
        province: "billing province name",
        province_code: "billing province",
        country: "billing country",
        country_code: "billing country code",
        phone: "billing phone",
    };

    const SHIPPING: Self = Self {
        company: "shipping company",
        line1: "shipping address1",
        line2: "shipping address2",
        city: "shipping city",
        zip: "shipping zip",
        province: "shipping province name",
        province_code: "shipping province",
        country: "shipping country",
        country_code: "shipping country code",
        phone: "shipping phone",
    };
}

/// The address in the first row; none where every cell of it is blank.
pub(super) fn address(sheet: &mut Sheet, columns: &Columns) -> Option<Address> {
    let mut take = |key| sheet.take(0, key);
    let mut address = Address {
        company: take(columns.company),
        line1: take(columns.line1),
        line2: take(columns.line2),
        city: take(columns.city),
        postal_code: take(columns.zip).map(|text| unguarded(&text).to_owned()),
        province: take(columns.province),
        province_code: take(columns.province_code),
        country: take(columns.country),
        phone: take(columns.phone).map(|text| unguarded(&text).to_owned()),
        ..Address::default()
    };
    let code = take(columns.country_code);
    address.country_code = code
        .as_deref()
        .and_then(country::code)
        .or_else(|| address.country.as_deref().and_then(country::code))
        .map(str::to_owned);
    match (&address.country, code) {
        (None, code) => address.country = code,
        (Some(_), Some(code)) if address.country_code.is_none() => {
            let heading = sheet.heading(columns.country_code).to_owned();
            address.unknown.keep(&heading, serde_json::Value::String(code));
        }
        (Some(_), _) => {}
    }
    (address != Address::default()).then_some(address)
}

/// Where an order's bills go.
pub(super) fn billing(sheet: &mut Sheet) -> Option<OrderAddress> {
    order_address(sheet, &Columns::BILLING, "billing name", "billing street")
}

/// Where an order's goods go.
pub(super) fn shipping(sheet: &mut Sheet) -> Option<OrderAddress> {
    order_address(sheet, &Columns::SHIPPING, "shipping name", "shipping street")
}

/// `… Street` is both lines in one: taken where it says no more than they, or instead of them.
fn order_address(
    sheet: &mut Sheet,
    columns: &Columns,
    name: &str,
    street: &str,
) -> Option<OrderAddress> {
    let mut address = address(sheet, columns).unwrap_or_default();
    let lines = [address.line1.as_deref(), address.line2.as_deref()];
    let joined = lines.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if joined.is_empty() {
        address.line1 = sheet.take(0, street);
    } else if sheet.look(0, street) == Some(joined.as_str()) {
        sheet.mark(0, street);
    }
    let found = OrderAddress { full_name: sheet.take(0, name), address };
    (found != OrderAddress::default()).then_some(found)
}
