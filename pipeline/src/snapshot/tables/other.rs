//! The tables of the remaining kinds. Those that the road does not carry yet have a root table of
//! the common columns and a title.

use cartage_model::{Category, Collection, Kind, Record, Scoped};

use super::{
    ColumnType::{Flag, Text, Whole},
    Result, Root, Rows, Table, position, row,
};

static CATEGORY: Table = Table {
    name: "category",
    kinds: &[Kind::Category],
    columns: &[
        ("ordinal", Whole),
        ("source_id", Text),
        ("record_hash", Text),
        ("document", Text),
        ("parent_id", Text),
        ("place", Whole),
        ("level", Whole),
        ("title", Text),
        ("description_html", Text),
        ("slug", Text),
        ("seo_title", Text),
        ("seo_description", Text),
        ("visible", Flag),
    ],
};

static COLLECTION: Table = Table {
    name: "collection",
    kinds: &[Kind::Collection],
    columns: &[
        ("ordinal", Whole),
        ("source_id", Text),
        ("record_hash", Text),
        ("document", Text),
        ("title", Text),
        ("description_html", Text),
        ("slug", Text),
        ("seo_title", Text),
        ("seo_description", Text),
        ("sort_order", Text),
        ("member_count", Whole),
    ],
};

static COLLECTION_MEMBER: Table = Table {
    name: "collection_member",
    kinds: &[Kind::Collection],
    columns: &[
        ("collection_id", Text),
        ("position", Whole),
        ("product_id", Text),
        ("place", Whole),
    ],
};

static CUSTOMER_GROUP: Table = Table {
    name: "customer_group",
    kinds: &[Kind::CustomerGroup],
    columns: &[
        ("ordinal", Whole),
        ("source_id", Text),
        ("record_hash", Text),
        ("document", Text),
        ("title", Text),
        ("tax_class", Text),
    ],
};

/// Declares root tables of the common columns.
macro_rules! plain_tables {
    ($($table:ident $name:literal $kind:ident;)+) => {
        $(static $table: Table = Table {
            name: $name,
            kinds: &[Kind::$kind],
            columns: &[
                ("ordinal", Whole),
                ("source_id", Text),
                ("record_hash", Text),
                ("document", Text),
                ("title", Text),
            ],
        };)+
    };
}

plain_tables! {
    COMPANY "company" Company;
    COUPON "coupon" Coupon;
    GIFT_CARD "gift_card" GiftCard;
    REVIEW "review" Review;
    PAGE "page" Page;
    POST "post" Post;
    URL "url" Url;
}

/// The tables of the remaining kinds.
pub(super) static TABLES: &[&Table] = &[
    &CATEGORY,
    &COLLECTION,
    &COLLECTION_MEMBER,
    &CUSTOMER_GROUP,
    &COMPANY,
    &COUPON,
    &GIFT_CARD,
    &REVIEW,
    &PAGE,
    &POST,
    &URL,
];

/// Pushes the rows of any record but products, customers and orders.
pub(super) fn push(rows: &mut dyn Rows, root: &Root<'_>, record: &Record) -> Result<()> {
    let id = record.source_id();
    let scoped = |text: &Scoped<String>| text.value.clone();
    match record {
        Record::Category(category) => push_category(rows, root, category),
        Record::Collection(collection) => push_collection(rows, root, collection),
        Record::CustomerGroup(group) => {
            let (title, tax_class) = (&group.title, &group.tax_class);
            row!(
                rows,
                CUSTOMER_GROUP,
                root.ordinal,
                id,
                root.hash,
                root.document,
                title,
                tax_class
            );
            Ok(())
        }
        Record::Company(it) => push_plain(rows, &COMPANY, root, id, Some(it.title.clone())),
        Record::Coupon(it) => push_plain(rows, &COUPON, root, id, it.title.clone()),
        Record::Review(it) => push_plain(rows, &REVIEW, root, id, it.title.clone()),
        Record::Page(it) => push_plain(rows, &PAGE, root, id, scoped(&it.title)),
        Record::Post(it) => push_plain(rows, &POST, root, id, scoped(&it.title)),
        Record::GiftCard(_) => push_plain(rows, &GIFT_CARD, root, id, None),
        Record::Url(it) => push_plain(rows, &URL, root, id, Some(it.path.clone())),
        Record::Product(_) | Record::Customer(_) | Record::Order(_) => Ok(()),
    }
}

fn push_plain(
    rows: &mut dyn Rows,
    table: &'static Table,
    root: &Root<'_>,
    id: &str,
    title: Option<String>,
) -> Result<()> {
    row!(rows, *table, root.ordinal, id, root.hash, root.document, &title);
    Ok(())
}

fn push_category(rows: &mut dyn Rows, root: &Root<'_>, category: &Category) -> Result<()> {
    let id = category.source_id.as_str();
    row!(
        rows,
        CATEGORY,
        root.ordinal,
        id,
        root.hash,
        root.document,
        &category.parent,
        category.position,
        category.level,
        &category.title,
        &category.description_html,
        &category.slug,
        &category.seo.title,
        &category.seo.description,
        category.visible,
    );
    Ok(())
}

fn push_collection(rows: &mut dyn Rows, root: &Root<'_>, collection: &Collection) -> Result<()> {
    let id = collection.source_id.as_str();
    row!(
        rows,
        COLLECTION,
        root.ordinal,
        id,
        root.hash,
        root.document,
        &collection.title,
        &collection.description_html,
        &collection.slug,
        &collection.seo.title,
        &collection.seo.description,
        &collection.sort_order,
        collection.members.len(),
    );
    for (index, member) in collection.members.iter().enumerate() {
        let place = member.position;
        row!(rows, COLLECTION_MEMBER, id, position(index), &member.product, place);
    }
    Ok(())
}
