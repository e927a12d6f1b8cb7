//! Shopify's exports from the outside: whole files in, raw and canonical records out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

#[path = "shopify/archive.rs"]
mod shopify_archive;
#[path = "shopify/broken.rs"]
mod shopify_broken;
#[path = "shopify/generated.rs"]
mod shopify_generated;
#[path = "shopify/layouts.rs"]
mod shopify_layouts;
#[path = "shopify/order.rs"]
mod shopify_order;
#[path = "shopify/pages.rs"]
mod shopify_pages;
#[path = "shopify/product.rs"]
mod shopify_product;
#[path = "shopify/support.rs"]
mod support;
