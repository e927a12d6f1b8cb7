//! The rules that come with Cartage, compiled in.

use super::{Rule, RuleError};

/// The files of the folder `rules`, in the order of their names.
const FILES: &[&str] = &[
    include_str!("../../rules/address_country_unknown.toml"),
    include_str!("../../rules/address_field_too_long.toml"),
    include_str!("../../rules/category_parent_unknown.toml"),
    include_str!("../../rules/currency_not_in_use.toml"),
    include_str!("../../rules/customer_consent_unproven.toml"),
    include_str!("../../rules/customer_email_duplicate.toml"),
    include_str!("../../rules/customer_email_invalid.toml"),
    include_str!("../../rules/customer_email_missing.toml"),
    include_str!("../../rules/customer_email_untidy.toml"),
    include_str!("../../rules/customer_group_unknown.toml"),
    include_str!("../../rules/customer_inactive.toml"),
    include_str!("../../rules/customer_name_missing.toml"),
    include_str!("../../rules/customer_phone_malformed.toml"),
    include_str!("../../rules/customer_test_account.toml"),
    include_str!("../../rules/image_alt_missing.toml"),
    include_str!("../../rules/line_product_unknown.toml"),
    include_str!("../../rules/line_quantity_not_positive.toml"),
    include_str!("../../rules/line_quantity_unreadable.toml"),
    include_str!("../../rules/order_currency_invalid.toml"),
    include_str!("../../rules/order_customer_unknown.toml"),
    include_str!("../../rules/order_date_future.toml"),
    include_str!("../../rules/order_date_unreadable.toml"),
    include_str!("../../rules/order_lines_missing.toml"),
    include_str!("../../rules/order_number_duplicate.toml"),
    include_str!("../../rules/order_number_gap.toml"),
    include_str!("../../rules/order_paid_without_payment.toml"),
    include_str!("../../rules/order_refund_too_high.toml"),
    include_str!("../../rules/order_total_mismatch.toml"),
    include_str!("../../rules/product_category_missing.toml"),
    include_str!("../../rules/product_category_unknown.toml"),
    include_str!("../../rules/product_collection_unknown.toml"),
    include_str!("../../rules/product_description_missing.toml"),
    include_str!("../../rules/product_handle_unsafe.toml"),
    include_str!("../../rules/product_html_broken.toml"),
    include_str!("../../rules/product_html_script.toml"),
    include_str!("../../rules/product_image_missing.toml"),
    include_str!("../../rules/product_seo_missing.toml"),
    include_str!("../../rules/product_slug_duplicate.toml"),
    include_str!("../../rules/product_title_missing.toml"),
    include_str!("../../rules/product_title_too_long.toml"),
    include_str!("../../rules/product_variants_missing.toml"),
    include_str!("../../rules/record_unreadable.toml"),
    include_str!("../../rules/scope_unknown.toml"),
    include_str!("../../rules/text_mojibake.toml"),
    include_str!("../../rules/variant_barcode_invalid.toml"),
    include_str!("../../rules/variant_compare_at_price_low.toml"),
    include_str!("../../rules/variant_option_missing.toml"),
    include_str!("../../rules/variant_options_duplicate.toml"),
    include_str!("../../rules/variant_price_missing.toml"),
    include_str!("../../rules/variant_price_negative.toml"),
    include_str!("../../rules/variant_price_unreadable.toml"),
    include_str!("../../rules/variant_price_zero.toml"),
    include_str!("../../rules/variant_sku_duplicate.toml"),
    include_str!("../../rules/variant_sku_missing.toml"),
    include_str!("../../rules/variant_special_price_high.toml"),
    include_str!("../../rules/variant_stock_negative.toml"),
];

/// The rules that come with Cartage, in the order of their ids.
///
/// # Errors
/// Only for a broken file, which the tests would have found.
pub fn built_in_rules() -> Result<Vec<Rule>, RuleError> {
    FILES.iter().map(|text| Rule::parse(text)).collect()
}
