//! Shopify through its CSV exports.
