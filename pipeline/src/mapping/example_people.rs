//! Fully filled people, companies, coupons and gift cards, beside the other [`super::examples`].

use cartage_model::*;
use chrono::NaiveDate;

use super::examples::{
    any, custom_fields, decimal, instant, money, narrower, scope, some, text, unknown,
};

pub(super) fn customer_group() -> CustomerGroup {
    CustomerGroup {
        source_id: text(),
        title: text(),
        tax_class: some(),
        unknown: unknown(),
        title_scoped: narrower(text()),
        percent_off: Some(decimal()),
        prices_include_tax: Some(true),
        rules: Some(any()),
        custom_fields: custom_fields(),
    }
}

pub(super) fn tax_ids() -> Vec<TaxId> {
    vec![TaxId {
        id_type: some(),
        value: text(),
        country_code: some(),
        validated: Some(true),
        unknown: unknown(),
    }]
}

pub(super) fn address() -> Address {
    Address {
        source_id: some(),
        label: some(),
        first_name: some(),
        last_name: some(),
        company: some(),
        line1: some(),
        line2: some(),
        city: some(),
        postal_code: some(),
        province: some(),
        province_code: some(),
        country_code: some(),
        country: some(),
        phone: some(),
        default_shipping: true,
        default_billing: true,
        unknown: unknown(),
        name_prefix: some(),
        middle_name: some(),
        name_suffix: some(),
        more_lines: vec![text()],
        email: some(),
        tax_ids: tax_ids(),
        custom_fields: custom_fields(),
    }
}

fn history() -> Vec<BalanceChange> {
    vec![BalanceChange {
        source_id: some(),
        money: money(),
        balance: Some(money()),
        changed_at: Some(instant()),
        order: some(),
        action: some(),
        actor: some(),
        comment: some(),
        unknown: unknown(),
    }]
}

fn company_role() -> CompanyRole {
    CompanyRole { source_id: some(), title: text(), permissions: vec![text()], unknown: unknown() }
}

fn coupon_code() -> CouponCode {
    CouponCode {
        source_id: some(),
        code: text(),
        uses: Some(1),
        uses_max: Some(1),
        customer: some(),
        ends_at: Some(instant()),
        unknown: unknown(),
    }
}

pub(super) fn buy_get() -> BuyGet {
    BuyGet { buy: decimal(), get: decimal(), percent_off: decimal(), products: vec![text()] }
}

pub(super) fn company() -> Company {
    Company {
        source_id: text(),
        title: text(),
        external_number: some(),
        email: some(),
        tax_ids: tax_ids(),
        addresses: vec![address()],
        members: vec![CompanyMember {
            customer: text(),
            role: some(),
            job_title: some(),
            site: some(),
            administrator: Some(true),
            manager: some(),
            unknown: unknown(),
        }],
        payment_terms: some(),
        credit_limit: Some(money()),
        unknown: unknown(),
        parent: some(),
        roles: vec![company_role()],
        state: some(),
        customer_group: some(),
        price_list: some(),
        balance: Some(money()),
        tax_exempt: Some(true),
        note: some(),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        custom_fields: custom_fields(),
    }
}

pub(super) fn customer() -> Customer {
    Customer {
        source_id: text(),
        email: some(),
        first_name: some(),
        last_name: some(),
        phone: some(),
        company: some(),
        born_on: NaiveDate::from_ymd_opt(1970, 1, 1),
        gender: some(),
        locale: some(),
        registered: Some(true),
        enabled: Some(true),
        addresses: vec![address()],
        groups: vec![text()],
        tags: vec![text()],
        consents: vec![Consent {
            channel: ConsentChannel::Email,
            state: ConsentState::Given,
            given_at: Some(instant()),
            origin: some(),
            network_address: some(),
            text: some(),
            scope: Some(scope()),
            unknown: unknown(),
        }],
        tax_ids: tax_ids(),
        tax_exempt: Some(true),
        store_credits: vec![StoreCredit {
            balance: money(),
            expires_at: Some(instant()),
            source_id: some(),
            scope: Some(scope()),
            history: history(),
            unknown: unknown(),
        }],
        password_hash: some(),
        note: some(),
        total_spent: some(),
        orders_count: Some(1),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        custom_fields: custom_fields(),
        unknown: unknown(),
        scope: Some(scope()),
        name_prefix: some(),
        middle_name: some(),
        name_suffix: some(),
        email_verified: Some(true),
        default_group: some(),
    }
}

pub(super) fn coupon(value: CouponValue) -> Coupon {
    Coupon {
        source_id: text(),
        code: some(),
        title: some(),
        value,
        subtotal_min: vec![money()],
        uses_max: Some(1),
        uses_per_customer_max: Some(1),
        uses: Some(1),
        products: vec![text()],
        categories: vec![text()],
        customer_groups: vec![text()],
        starts_at: Some(instant()),
        ends_at: Some(instant()),
        enabled: Some(true),
        unknown: unknown(),
        title_scoped: narrower(text()),
        description: some(),
        scopes: vec![scope()],
        codes: vec![coupon_code()],
        applies_to: some(),
        value_max: vec![money()],
        quantity_min: Some(decimal()),
        excluded_products: vec![text()],
        excluded_categories: vec![text()],
        customers: vec![text()],
        combinable: Some(true),
        priority: Some(1),
        conditions: Some(any()),
        custom_fields: custom_fields(),
    }
}

pub(super) fn gift_card() -> GiftCard {
    GiftCard {
        source_id: text(),
        code: some(),
        initial: Some(money()),
        balance: money(),
        customer: some(),
        order: some(),
        expires_at: Some(instant()),
        enabled: Some(true),
        unknown: unknown(),
        scope: Some(scope()),
        code_end: some(),
        history: history(),
        sender_name: some(),
        sender_email: some(),
        recipient_name: some(),
        recipient_email: some(),
        message: some(),
        note: some(),
        created_at: Some(instant()),
    }
}
