//! What a fresh shop holds before anybody wrote to it, as after `medusa db:migrate`.

use serde_json::{Value, json};

use super::state::{Kind, Shop};
use super::value::{Row, id, stamp};

/// The countries a region may have.
pub(crate) const COUNTRIES: &str = "af al dz as ad ao ai aq ag ar am aw au at az bs bh bd bb by be bz bj bm bt bo bq ba bw bv br io bn bg bf bi kh cm ca cv ky cf td cl cn cx cc co km cg cd ck cr ci hr cu cw cy cz dk dj dm do ec eg sv gq er ee et fk fo fj fi fr gf pf tf ga gm ge de gh gi gr gl gd gp gu gt gg gn gw gy ht hm va hn hk hu is in id ir iq ie im il it jm jp je jo kz ke ki kp kr xk kw kg la lv lb ls lr ly li lt lu mo mk mg mw my mv ml mt mh mq mr mu yt mx fm md mc mn me ms ma mz mm na nr np nl nc nz ni ne ng nu nf mp no om pk pw ps pa pg py pe ph pn pl pt pr qa re ro ru rw bl sh kn lc mf pm vc ws sm st sa sn rs sc sl sg sx sk si sb so za gs ss es lk sd sr sj sz se ch sy tw tj tz th tl tg tk to tt tn tr tm tc tv ug ua ae gb us um uy uz vu ve vn vg vi wf eh ye zm zw ax";

/// A fresh shop that knows one secret API key.
pub(crate) fn shop(api_key: &str) -> Shop {
    let mut shop = Shop::empty();
    let mut add = |kind: Kind, fields: Value| {
        let mut row = Row::new();
        row.insert("id".into(), id(kind.prefix()).into());
        if let Value::Object(fields) = fields {
            row.extend(fields);
        }
        stamp(&mut row);
        shop.insert(kind, row)
    };
    let channel = add(
        Kind::SalesChannels,
        json!({
            "name": "Default Sales Channel", "description": "Created by Medusa",
            "is_disabled": false, "metadata": null,
        }),
    );
    add(
        Kind::Stores,
        json!({
            "name": "Medusa Store", "default_sales_channel_id": channel,
            "default_region_id": null, "default_location_id": null, "metadata": null,
            "supported_currencies": [{ "id": id("stocur"), "currency_code": "eur", "is_default": true }],
        }),
    );
    add(
        Kind::ShippingProfiles,
        json!({ "name": "Default Shipping Profile", "type": "default", "metadata": null }),
    );
    add(
        Kind::ApiKeys,
        json!({
            "title": "Cartage sandbox", "type": "secret", "token": api_key,
            "redacted": "sk_***", "last_used_at": null, "created_by": "", "revoked_at": null,
            "revoked_by": null,
        }),
    );
    shop
}
