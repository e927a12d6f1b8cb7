//! What becomes of a product's columns.

use cartage_model::{Kind, PriceKind, Product, ProductStatus, ProductType, Record, Unreadable};

use crate::support::{fixture, folder, open, open_file, read};

fn product(record: Result<Record, Unreadable>) -> Product {
    match record {
        Ok(Record::Product(product)) => product,
        other => panic!("{other:?}"),
    }
}

fn products(text: &str) -> Vec<Result<Record, Unreadable>> {
    let folder = folder(&[("p.csv", text.as_bytes())]);
    read(&open(folder.path()).unwrap(), Kind::Product)
}

#[test]
fn a_product_of_several_rows_is_whole() {
    let all = read(&open_file(fixture("products_current.csv")), Kind::Product);
    let mut all = all.into_iter().map(product);
    let (shirt, card, lamp) = (all.next().unwrap(), all.next().unwrap(), all.next().unwrap());

    assert_eq!(shirt.title.value.as_deref(), Some("Linen Shirt, washed"));
    let body = "<p>Cool in summer.</p>\n<p>The \"good\" one, with a collar.</p>";
    assert_eq!(shirt.description_html.value.as_deref(), Some(body));
    assert_eq!(shirt.tags, ["summer", "linen", "men"]);
    assert_eq!(shirt.product_type, ProductType::Configurable);
    let names: Vec<_> = shirt.options.iter().map(|option| option.name.as_str()).collect();
    assert_eq!(names, ["Size", "Colour"]);
    let ids: Vec<_> = shirt.variants.iter().map(|variant| variant.source_id.as_str()).collect();
    assert_eq!(ids, ["linen-shirt/S/Sand %2F Stone", "linen-shirt/M/Sand %2F Stone"]);
    let prices: Vec<_> = shirt.variants[0]
        .prices
        .iter()
        .map(|price| (price.kind, price.money.to_string()))
        .collect();
    let expected = [
        (PriceKind::Regular, "49.90 EUR".to_owned()),
        (PriceKind::Msrp, "59.90 EUR".to_owned()),
        (PriceKind::Cost, "21.5 EUR".to_owned()),
    ];
    assert_eq!(prices, expected);
    assert_eq!(shirt.variants[0].barcode.as_deref(), Some("4006381333931"));
    assert_eq!(shirt.variants[1].stock[0].quantity.to_string(), "-3");
    assert!(shirt.variants[1].backorder_allowed && shirt.variants[1].stock_tracked);
    let positions: Vec<_> = shirt.images.iter().map(|image| image.position).collect();
    assert_eq!(positions, [1, 2, 3]);
    let age = shirt.custom_fields.iter().find(|field| field.key == "age_group").unwrap();
    assert_eq!(age.namespace, "google_shopping");
    assert!(shirt.unknown.is_empty(), "{:?}", shirt.unknown);

    assert_eq!((card.product_type, card.options.len()), (ProductType::GiftCard, 0));
    assert!(!card.variants[0].requires_shipping && !card.variants[0].stock_tracked);
    assert_eq!(card.variants[0].source_id, "gift-card");
    assert_eq!((lamp.status, lamp.product_type), (ProductStatus::Draft, ProductType::Simple));
    assert_eq!(lamp.variants[0].prices[0].money.to_string(), "1250.0050 EUR");
}

#[test]
fn what_no_rule_takes_is_kept_by_its_heading() {
    let text = "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant Price,Mood,Status,Published,\
        Price / USA,Fabric (product.metafields.custom.fabric),Variant Inventory Tracker,Image Src,\
        Image Position\n\
        a,A,v,Size,S,1,good,unlisted,false,2,linen,acme,u,first\n\
        a,,w,,M,3,bad,,,4,,,,\n";
    let product = product(products(text).remove(0));
    let unknown: Vec<_> = product.unknown.0.keys().map(String::as_str).collect();
    let expected =
        ["Image Position", "Mood", "Mood [row 2]", "Published", "Status", "Vendor [row 2]"];
    assert_eq!(unknown, expected);
    assert_eq!(product.variants[1].unknown.0["Price / USA"], "4");
    assert_eq!(product.variants[0].unknown.0["Variant Inventory Tracker"], "acme");
    assert_eq!(product.custom_fields[0].namespace, "custom");
}

#[test]
fn what_cannot_be_read_says_so_without_the_text() {
    let text = "Handle,Title,Body (HTML),Vendor,Variant Price,Variant Inventory Qty\n\
        a,A,,,\"12,5O\",1\nb,,,,1,1\nc,C,,,1,many\nd,D,,,,\n";
    let all = products(text);
    for (place, reason, field) in [
        (0, "MONEY_MALFORMED", "Variant Price"),
        (1, "FIELD_MISSING", "Title"),
        (2, "VALUE_INVALID", "Variant Inventory Qty"),
    ] {
        let cause = all[place].clone().unwrap_err();
        assert_eq!((cause.reason.as_str(), cause.field.as_deref()), (reason, Some(field)));
        assert!(!cause.message.contains("12,5O") && !cause.message.contains("many"));
    }
    let unpriced = product(all[3].clone());
    assert_eq!((unpriced.variants.len(), unpriced.variants[0].prices.len()), (1, 0));
}

#[test]
fn categories_and_collections_are_records_that_products_refer_to() {
    let text = "Handle,Title,Body (HTML),Vendor,Product Category,Collection,Variant Price\n\
        a,A,,,Home & Garden > Lighting>Lamps,Summer Sale,1\nb,B,,,Home & Garden,Summer Sale,1\n";
    let folder = folder(&[("p.csv", text.as_bytes())]);
    let source = open(folder.path()).unwrap();
    let categories = read(&source, Kind::Category);
    let levels: Vec<_> = categories
        .iter()
        .map(|record| match record {
            Ok(Record::Category(it)) => (it.source_id.as_str(), it.level, it.parent.as_deref()),
            other => panic!("{other:?}"),
        })
        .collect();
    let [root, middle, leaf] =
        ["Home & Garden", "Home & Garden > Lighting", "Home & Garden > Lighting > Lamps"];
    assert_eq!(levels, [(root, 0, None), (middle, 1, Some(root)), (leaf, 2, Some(middle))]);
    let Some(Ok(Record::Collection(sale))) = read(&source, Kind::Collection).pop() else {
        panic!()
    };
    assert_eq!(sale.source_id, "Summer Sale");
    assert_eq!(sale.slug.value.as_deref(), Some("summer-sale"));
    let product = product(read(&source, Kind::Product).remove(0));
    assert_eq!(product.categories[0].source_id, leaf);
    assert_eq!(product.collections[0].source_id, "Summer Sale");
}

#[test]
fn the_public_exports_beside_the_project_are_read_whole() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/shopify");
    if !folder.exists() {
        println!("skipped: there is no {}", folder.display());
        return;
    }
    let source = open(&folder).unwrap();
    let all: Vec<_> = read(&source, Kind::Product).into_iter().map(product).collect();
    assert!(all.len() > 30, "{}", all.len());
    for product in &all {
        assert!(product.title.value.is_some() && !product.variants.is_empty());
        assert!(product.variants.iter().all(|variant| !variant.prices.is_empty()));
        assert!(product.unknown.is_empty(), "{:?}", product.unknown);
    }
}
