//! Taking back what was set up for a migration: tags, types, regions and stock locations that carry our
//! mark. They go where they still are what was made and nothing that is asked here uses them: products,
//! orders, drafts, stock, promotions and tax rates. What else may name them is not asked: price lists,
//! and what other programs keep. The sales channel and the store's currencies stay: keys of storefronts
//! and prices may need them. Deleting is the same twice, so no journal is kept.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::{
    client::{Client, REFUSALS_MAX},
    json, marks,
    prepare::{LOCATIONS, Prepared, REGIONS, Sort, TAGS, TYPES},
    read::{self, Walk},
};
use crate::{Error, Lease, Result, SetUpKept, SetUpTakenBack};

/// Objects asked for at once.
const PAGE: usize = 200;
/// Objects that are judged and deleted together, so that little time passes between the two. Users of so
/// many are asked for at once; the address stays far below Medusa's limit of 16 KiB.
const CHUNK: usize = 40;
/// Deletions at work at once.
const WIDTH: usize = 4;

/// Where objects that may use a sort of set-up are listed, and by which filter they are found. A list
/// that does not know a filter gives everything, so that more is kept then, and never less.
struct Users {
    path: &'static str,
    list: &'static str,
    filter: &'static str,
    /// What is said where there are some.
    why: &'static str,
}

const PRODUCTS_WITH_TAG: Users = products("tag_id[]");
const PRODUCTS_OF_TYPE: Users = products("type_id[]");
const ORDERS_IN_REGION: Users = Users {
    path: "/admin/orders",
    list: "orders",
    filter: "region_id[]",
    why: "orders were made in it",
};
const DRAFTS_IN_REGION: Users = Users {
    path: "/admin/draft-orders",
    list: "draft_orders",
    filter: "region_id[]",
    why: "draft orders were made in it",
};
const STOCK_AT: Users = Users {
    path: "/admin/inventory-items",
    list: "inventory_items",
    filter: "location_levels[location_id][]",
    why: "stock is counted at it",
};

const fn products(filter: &'static str) -> Users {
    Users { path: "/admin/products", list: "products", filter, why: "products have it" }
}

/// Takes back what was set up for a migration, but for what others know or use.
pub(super) async fn take_back(
    client: &Client,
    migration: &str,
    standing: &[Value],
    lease: &dyn Lease,
) -> Result<SetUpTakenBack> {
    let standing: Vec<Prepared> = standing.iter().map(Prepared::read).collect::<Result<_>>()?;
    let mut known: BTreeSet<String> = standing.iter().flat_map(ids).map(str::to_owned).collect();
    let mut named = BTreeSet::new();
    for rules in &RULES {
        named.extend(rules_of(client, rules).await?);
    }
    known.extend(defaults(client).await?);
    let mut undo = Undo { client, lease, migration, known, named, done: SetUpTakenBack::default() };
    undo.sort(&TAGS, "tag", "id,value,metadata", &[PRODUCTS_WITH_TAG]).await?;
    undo.sort(&TYPES, "type", "id,value,metadata", &[PRODUCTS_OF_TYPE]).await?;
    let fields = "id,name,metadata,countries.iso_2";
    undo.sort(&REGIONS, "region", fields, &[ORDERS_IN_REGION, DRAFTS_IN_REGION]).await?;
    let fields = "id,name,metadata,fulfillment_sets.id";
    undo.sort(&LOCATIONS, "stock location", fields, &[STOCK_AT]).await?;
    Ok(undo.done)
}

/// The ids that somebody who was prepared so writes.
fn ids(prepared: &Prepared) -> impl Iterator<Item = &str> {
    let Prepared { locations, regions, tags, types, .. } = prepared;
    let lists = [locations, regions, tags, types].into_iter();
    lists.flat_map(|list| list.values()).map(String::as_str)
}

/// What the store itself points to.
async fn defaults(client: &Client) -> Result<Vec<String>> {
    let path = "/admin/stores";
    let fields = "id,default_region_id,default_location_id";
    let answer = client.get(path, &[("fields", fields.to_owned())]).await?;
    let stores = read::rows(&answer, path, "stores")?.iter();
    let points = ["default_region_id", "default_location_id"];
    Ok(stores.flat_map(|store| points.iter().filter_map(|it| json::owned(store, it))).collect())
}

/// Where rules stand that may name ids: the listing, the fields, and the paths of the texts.
struct Rules {
    listing: (&'static str, &'static str),
    fields: &'static str,
    texts: &'static [&'static [&'static str]],
}

const RULES: [Rules; 2] = [
    Rules {
        listing: ("/admin/promotions", "promotions"),
        fields: "id,rules.values.value,application_method.target_rules.values.value,\
                 application_method.buy_rules.values.value",
        texts: &[
            &["rules", "values", "value"],
            &["application_method", "target_rules", "values", "value"],
            &["application_method", "buy_rules", "values", "value"],
        ],
    },
    Rules {
        listing: ("/admin/tax-rates", "tax_rates"),
        fields: "id,rules.reference_id",
        texts: &[&["rules", "reference_id"]],
    },
];

/// The ids that some rules name, among other values.
async fn rules_of(client: &Client, rules: &Rules) -> Result<BTreeSet<String>> {
    let mut walk = Walk::default();
    let mut found = BTreeSet::new();
    loop {
        let (rows, is_last) = walk.next(client, rules.listing, PAGE, rules.fields).await?;
        for (_, row) in &rows {
            for path in rules.texts {
                gather(row, path, &mut found);
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// The texts at a path, through lists.
fn gather(value: &Value, path: &[&str], found: &mut BTreeSet<String>) {
    match (value, path) {
        (Value::Array(list), _) => list.iter().for_each(|one| gather(one, path, found)),
        (Value::String(text), []) => drop(found.insert(text.clone())),
        (Value::Object(_), [first, rest @ ..]) => {
            gather(value.get(*first).unwrap_or(&Value::Null), rest, found);
        }
        _ => {}
    }
}

struct Undo<'a> {
    client: &'a Client,
    lease: &'a dyn Lease,
    migration: &'a str,
    /// The ids of what runs that stand and the store know.
    known: BTreeSet<String>,
    /// What rules of the shop name.
    named: BTreeSet<String>,
    done: SetUpTakenBack,
}

impl Undo<'_> {
    /// Takes back what was made of one sort.
    async fn sort(&mut self, sort: &Sort, what: &str, fields: &str, users: &[Users]) -> Result<()> {
        let mut made = Vec::new();
        for (id, object) in self.made(sort, fields).await? {
            match self.stays(sort, &id, &object) {
                Some(why) => self.keep(what, &id, why),
                None => made.push(id),
            }
        }
        for chunk in made.chunks(CHUNK) {
            let mut due: Vec<&String> = chunk.iter().collect();
            for users in users {
                let used = self.used(users, &due).await?;
                used.iter().for_each(|id| self.keep(what, id, users.why));
                due.retain(|id| !used.contains(*id));
            }
            self.delete(sort, what, &due).await?;
        }
        Ok(())
    }

    /// The objects of a sort that carry our mark of this migration, without those that somebody knows.
    async fn made(&self, sort: &Sort, fields: &str) -> Result<Vec<(String, Value)>> {
        let mut walk = Walk::default();
        let mut made = Vec::new();
        loop {
            let (rows, is_last) =
                walk.next(self.client, (sort.path, sort.list), PAGE, fields).await?;
            made.extend(rows.into_iter().filter(|(id, object)| {
                mark(object).and_then(|mark| json::text(mark, "migration")) == Some(self.migration)
                    && !self.known.contains(id)
            }));
            if is_last {
                return Ok(made);
            }
        }
    }

    /// Why an object stays that carries our mark, as far as itself and rules say.
    fn stays(&self, sort: &Sort, id: &str, object: &Value) -> Option<&'static str> {
        let made_as = mark(object).and_then(|mark| json::text(mark, "name"));
        if json::text(object, sort.field) != made_as {
            return Some("it is called otherwise now");
        }
        if self.named.contains(id) {
            return Some("a promotion or a tax rate names it");
        }
        if !json::list(object, "countries").is_empty() {
            return Some("it has countries");
        }
        (!json::list(object, "fulfillment_sets").is_empty()).then_some("things are shipped from it")
    }

    /// Those of some objects that somebody uses.
    async fn used(&self, users: &Users, ids: &[&String]) -> Result<BTreeSet<String>> {
        let mut used = BTreeSet::new();
        if ids.is_empty() || !self.has_users(users, ids).await? {
            return Ok(used);
        }
        for id in ids {
            if self.has_users(users, &[*id]).await? {
                used.insert((*id).clone());
            }
        }
        Ok(used)
    }

    async fn has_users(&self, users: &Users, ids: &[&String]) -> Result<bool> {
        let mut query = vec![("limit", "1".to_owned()), ("fields", "id".to_owned())];
        query.extend(ids.iter().map(|id| (users.filter, (*id).clone())));
        let answer = self.client.get(users.path, &query).await?;
        Ok(!read::rows(&answer, users.path, users.list)?.is_empty())
    }

    async fn delete(&mut self, sort: &Sort, what: &str, ids: &[&String]) -> Result<()> {
        let (client, lease) = (self.client, self.lease);
        let mut deletions = Vec::with_capacity(ids.len());
        for id in ids {
            let path = format!("{}/{id}", sort.path);
            deletions.push(async move { (*id, delete(client, lease, &path).await) });
        }
        let mut deletions = stream::iter(deletions).buffer_unordered(WIDTH);
        while let Some((id, answer)) = deletions.next().await {
            match answer {
                Ok(()) => self.done.removed += 1,
                Err(Error::Rejected { .. }) => self.keep(what, id, "the shop refuses to delete it"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn keep(&mut self, what: &str, id: &str, why: &str) {
        self.done.kept.push(SetUpKept { what: format!("{what} {id}"), why: why.to_owned() });
    }
}

/// Our mark.
fn mark(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get(marks::SET_UP)
}

/// Deletes what may be gone already.
async fn delete(client: &Client, lease: &dyn Lease, path: &str) -> Result<()> {
    let mut refusals = 0;
    loop {
        let permit = client.write_permit().await?;
        lease.still_ours().await?;
        match client.delete(permit, path).await {
            Ok(_) | Err(Error::Missing { .. }) => return Ok(()),
            Err(Error::Throttled { .. }) if refusals < REFUSALS_MAX => refusals += 1,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_gathered_through_lists() {
        let promotion = json!({ "rules": [
            { "values": [{ "value": "ptag_1" }, { "value": "ptag_2" }] },
            { "values": null },
            {},
        ] });
        let mut found = BTreeSet::new();
        gather(&promotion, &["rules", "values", "value"], &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["ptag_1", "ptag_2"]);
    }

    #[test]
    fn everything_that_a_run_writes_is_known() {
        let prepared = json!({
            "sales_channel": "sc_1",
            "locations": { "": "sloc_1" },
            "regions": { "eur": "reg_1" },
            "tags": { "red": "ptag_1" },
            "types": { "shoe": "ptyp_1" },
        });
        let prepared = Prepared::read(&prepared).unwrap();
        let mut known: Vec<&str> = ids(&prepared).collect();
        known.sort_unstable();
        assert_eq!(known, ["ptag_1", "ptyp_1", "reg_1", "sloc_1"]);
    }
}
