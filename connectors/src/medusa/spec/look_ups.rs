//! Where our key lives in Medusa and how it is searched. Each filter used is proven with an
//! impossible value, and every hit is compared with the key again on our side.

use cartage_model::Kind;

use crate::LookUp;

/// How our key is kept and found.
pub(crate) const LOOK_UPS: &[LookUp] = &[
    LookUp {
        kind: Kind::Category,
        field: "external_id",
        search: "GET /admin/product-categories?external_id[]=",
        immediate: true,
        settle_time_s: 5,
    },
    LookUp {
        kind: Kind::Collection,
        field: "metadata.cartage_key",
        search: "GET /admin/collections?handle=, then the key is compared",
        immediate: true,
        settle_time_s: 5,
    },
    LookUp {
        kind: Kind::Product,
        field: "external_id",
        search: "GET /admin/products?external_id[]=",
        immediate: true,
        settle_time_s: 5,
    },
    LookUp {
        kind: Kind::CustomerGroup,
        field: "metadata.cartage_key",
        search: "GET /admin/customer-groups?name=, then the key is compared",
        immediate: true,
        settle_time_s: 5,
    },
    LookUp {
        kind: Kind::Customer,
        field: "metadata.cartage_key",
        search: "GET /admin/customers?email[]=, then the key is compared; without an e-mail a walk \
                 from the newest",
        immediate: true,
        settle_time_s: 5,
    },
    LookUp {
        kind: Kind::Order,
        field: "metadata.cartage_key",
        search: "GET /admin/orders and /admin/draft-orders by customer_id[]=, then the key is \
                 compared; without a customer a walk from the newest",
        immediate: true,
        settle_time_s: 5,
    },
];
