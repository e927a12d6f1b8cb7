//! The tables of customers and what belongs to them.

use cartage_model::{Customer, Kind};

use super::{
    ColumnType::{Decimal, Flag, Text, Time, Whole},
    Result, Root, Rows, Table, name, position, row, scope_cells,
};

const CUSTOMER_ONLY: &[Kind] = &[Kind::Customer];

static CUSTOMER: Table = Table {
    name: "customer",
    kinds: CUSTOMER_ONLY,
    columns: &[
        ("ordinal", Whole),
        ("source_id", Text),
        ("record_hash", Text),
        ("document", Text),
        ("email", Text),
        ("first_name", Text),
        ("last_name", Text),
        ("phone", Text),
        ("company", Text),
        ("born_on", Text),
        ("gender", Text),
        ("locale", Text),
        ("registered", Flag),
        ("enabled", Flag),
        ("tax_exempt", Flag),
        ("note", Text),
        ("total_spent", Text),
        ("orders_count", Whole),
        ("address_count", Whole),
        ("created_at", Time),
        ("updated_at", Time),
        ("scope_level", Text),
        ("scope_code", Text),
    ],
};

static ADDRESS: Table = Table {
    name: "customer_address",
    kinds: CUSTOMER_ONLY,
    columns: &[
        ("customer_id", Text),
        ("position", Whole),
        ("source_id", Text),
        ("first_name", Text),
        ("last_name", Text),
        ("company", Text),
        ("line1", Text),
        ("line2", Text),
        ("city", Text),
        ("postal_code", Text),
        ("province", Text),
        ("province_code", Text),
        ("country_code", Text),
        ("country", Text),
        ("phone", Text),
        ("default_shipping", Flag),
        ("default_billing", Flag),
    ],
};

static CONSENT: Table = Table {
    name: "customer_consent",
    kinds: CUSTOMER_ONLY,
    columns: &[
        ("customer_id", Text),
        ("position", Whole),
        ("channel", Text),
        ("state", Text),
        ("given_at", Time),
        ("origin", Text),
        ("network_address", Text),
        ("text", Text),
    ],
};

static GROUP_MEMBER: Table = Table {
    name: "customer_group_member",
    kinds: CUSTOMER_ONLY,
    columns: &[("customer_id", Text), ("position", Whole), ("customer_group_id", Text)],
};

static TAG: Table = Table {
    name: "customer_tag",
    kinds: CUSTOMER_ONLY,
    columns: &[("customer_id", Text), ("position", Whole), ("tag", Text)],
};

static TAX_ID: Table = Table {
    name: "customer_tax_id",
    kinds: CUSTOMER_ONLY,
    columns: &[
        ("customer_id", Text),
        ("position", Whole),
        ("id_type", Text),
        ("value", Text),
        ("country_code", Text),
        ("validated", Flag),
    ],
};

static STORE_CREDIT: Table = Table {
    name: "customer_store_credit",
    kinds: CUSTOMER_ONLY,
    columns: &[
        ("customer_id", Text),
        ("position", Whole),
        ("amount", Decimal),
        ("currency", Text),
        ("expires_at", Time),
    ],
};

/// The tables of customers.
pub(super) static TABLES: &[&Table] =
    &[&CUSTOMER, &ADDRESS, &CONSENT, &GROUP_MEMBER, &TAG, &TAX_ID, &STORE_CREDIT];

/// Pushes a customer's rows.
pub(super) fn push(rows: &mut dyn Rows, root: &Root<'_>, customer: &Customer) -> Result<()> {
    let id = customer.source_id.as_str();
    let (level, code) = scope_cells(customer.scope.as_ref());
    row!(
        rows,
        CUSTOMER,
        root.ordinal,
        id,
        root.hash,
        root.document,
        &customer.email,
        &customer.first_name,
        &customer.last_name,
        &customer.phone,
        &customer.company,
        &customer.born_on.map(|day| day.to_string()),
        &customer.gender,
        &customer.locale,
        customer.registered,
        customer.enabled,
        customer.tax_exempt,
        &customer.note,
        &customer.total_spent,
        customer.orders_count,
        customer.addresses.len(),
        &customer.created_at,
        &customer.updated_at,
        level,
        code,
    );
    push_addresses(rows, id, customer)?;
    for (index, consent) in customer.consents.iter().enumerate() {
        row!(
            rows,
            CONSENT,
            id,
            position(index),
            name(consent.channel)?,
            name(consent.state)?,
            &consent.given_at,
            &consent.origin,
            &consent.network_address,
            &consent.text,
        );
    }
    for (index, group) in customer.groups.iter().enumerate() {
        row!(rows, GROUP_MEMBER, id, position(index), group);
    }
    for (index, tag) in customer.tags.iter().enumerate() {
        row!(rows, TAG, id, position(index), tag);
    }
    for (index, tax_id) in customer.tax_ids.iter().enumerate() {
        let (id_type, value, country) = (&tax_id.id_type, &tax_id.value, &tax_id.country_code);
        row!(rows, TAX_ID, id, position(index), id_type, value, country, tax_id.validated);
    }
    for (index, credit) in customer.store_credits.iter().enumerate() {
        let (amount, currency) = (credit.balance.amount, credit.balance.currency.as_str());
        row!(rows, STORE_CREDIT, id, position(index), amount, currency, &credit.expires_at);
    }
    Ok(())
}

fn push_addresses(rows: &mut dyn Rows, id: &str, customer: &Customer) -> Result<()> {
    for (index, address) in customer.addresses.iter().enumerate() {
        row!(
            rows,
            ADDRESS,
            id,
            position(index),
            &address.source_id,
            &address.first_name,
            &address.last_name,
            &address.company,
            &address.line1,
            &address.line2,
            &address.city,
            &address.postal_code,
            &address.province,
            &address.province_code,
            &address.country_code,
            &address.country,
            &address.phone,
            address.default_shipping,
            address.default_billing,
        );
    }
    Ok(())
}
