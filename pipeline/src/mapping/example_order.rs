//! The fully filled order, beside the other [`super::examples`].

use cartage_model::*;

use super::{
    example_people::{address, tax_ids},
    examples::{currency, custom_fields, decimal, instant, money, scope, some, text, unknown},
};

fn adjustments() -> Vec<Adjustment> {
    vec![Adjustment {
        kind: AdjustmentKind::Discount,
        code: some(),
        title: some(),
        money: money(),
        coupon: some(),
        taxes: taxes(),
        unknown: unknown(),
    }]
}

fn line_download() -> LineDownload {
    LineDownload {
        title: text(),
        url: some(),
        downloads: Some(1),
        downloads_max: Some(1),
        expires_at: Some(instant()),
        state: some(),
        unknown: unknown(),
    }
}

fn invoice_line() -> InvoiceLine {
    InvoiceLine { line: text(), quantity: decimal(), money: Some(money()), unknown: unknown() }
}

fn taxes() -> Vec<AppliedTax> {
    vec![AppliedTax {
        title: some(),
        rate_percent: Some(decimal()),
        money: money(),
        code: some(),
        jurisdiction: some(),
        base: Some(money()),
        included: Some(true),
        unknown: unknown(),
    }]
}

fn order_address() -> Option<OrderAddress> {
    Some(OrderAddress { full_name: some(), address: address() })
}

fn order_line() -> OrderLine {
    OrderLine {
        source_id: text(),
        position: 1,
        product: some(),
        variant: some(),
        sku: some(),
        title: text(),
        vendor: some(),
        quantity: decimal(),
        unit_price: money(),
        compare_at_price: Some(money()),
        discount: Some(money()),
        taxes: taxes(),
        taxable: Some(true),
        requires_shipping: Some(true),
        fulfilment_state: some(),
        properties: custom_fields(),
        unknown: unknown(),
        parent_line: some(),
        product_type: Some(ProductType::Simple),
        options: vec![SelectedOption { option: text(), value: text() }],
        adjustments: adjustments(),
        total: Some(money()),
        cost: Some(money()),
        tax_class: some(),
        weight: Some(Weight { value: decimal(), unit: WeightUnit::Gram }),
        gift_cards: vec![text()],
        downloads: vec![line_download()],
    }
}

pub(super) fn order() -> Order {
    Order {
        source_id: text(),
        number: text(),
        store: some(),
        state: OrderState::Open,
        financial_status: some(),
        fulfilment_status: some(),
        customer: some(),
        email: some(),
        phone: some(),
        guest: Some(true),
        currency: currency(),
        rates: vec![CurrencyRate {
            currency: currency(),
            rate: decimal(),
            role: some(),
            unknown: unknown(),
        }],
        taxes_included: Some(true),
        lines: vec![order_line()],
        taxes: taxes(),
        adjustments: adjustments(),
        shipping_lines: vec![ShippingLine {
            title: some(),
            money: money(),
            taxes: taxes(),
            source_id: some(),
            code: some(),
            carrier: some(),
            discount: Some(money()),
            unknown: unknown(),
        }],
        billing_address: order_address(),
        shipping_address: order_address(),
        subtotal: money(),
        shipping_total: money(),
        tax_total: money(),
        discount_total: money(),
        total: money(),
        refunded_total: money(),
        payments: vec![Payment {
            source_id: some(),
            method: some(),
            reference: some(),
            state: PaymentState::Captured,
            money: money(),
            paid_at: Some(instant()),
            parent: some(),
            paid_money: Some(money()),
            gift_card: some(),
            unknown: unknown(),
        }],
        refunds: vec![Refund {
            source_id: some(),
            money: money(),
            reason: some(),
            refunded_at: Some(instant()),
            lines: vec![RefundLine {
                line: text(),
                quantity: decimal(),
                money: Some(money()),
                restocked: Some(true),
                taxes: taxes(),
                unknown: unknown(),
            }],
            shipping: Some(money()),
            adjustment: Some(money()),
            payment: some(),
            credit_memo: some(),
            unknown: unknown(),
        }],
        fulfilments: vec![Fulfilment {
            source_id: some(),
            state: some(),
            carrier: some(),
            tracking_numbers: vec![text()],
            sent_at: Some(instant()),
            lines: vec![FulfilmentLine { line: text(), quantity: decimal(), unknown: unknown() }],
            number: some(),
            tracking_urls: vec![text()],
            location: some(),
            address: order_address(),
            delivered_at: Some(instant()),
            unknown: unknown(),
        }],
        invoices: vec![Invoice {
            kind: InvoiceKind::Invoice,
            number: text(),
            money: Some(money()),
            issued_at: Some(instant()),
            source_id: some(),
            state: some(),
            url: some(),
            lines: vec![invoice_line()],
            unknown: unknown(),
        }],
        history: vec![StatusChange {
            status: text(),
            changed_at: Some(instant()),
            actor: some(),
            comment: some(),
            customer_notified: Some(true),
            visible_to_customer: Some(true),
            unknown: unknown(),
        }],
        notes: vec![OrderNote {
            text: text(),
            visible_to_customer: true,
            written_at: Some(instant()),
            author: some(),
            unknown: unknown(),
        }],
        tags: vec![text()],
        channel: some(),
        placed_at: instant(),
        paid_at: Some(instant()),
        cancelled_at: Some(instant()),
        custom_fields: custom_fields(),
        unknown: unknown(),
        scope: Some(scope()),
        number_prefix: some(),
        company: some(),
        purchase_order_number: some(),
        payment_terms: some(),
        locale: some(),
        network_address: some(),
        tax_ids: tax_ids(),
        closed_at: Some(instant()),
        updated_at: Some(instant()),
    }
}
