//! Lists to make names and texts from. None of the people or makers exist.

/// What a kind of product looks like.
pub(super) struct Type {
    pub(super) name: &'static str,
    /// The start of its SKUs.
    pub(super) code: &'static str,
    pub(super) category: &'static str,
    pub(super) nouns: &'static [&'static str],
    /// Option names and their values; a product has the first one, two or three, or none.
    pub(super) options: &'static [(&'static str, &'static [&'static str])],
    /// Prices in cents.
    pub(super) price: (i64, i64),
    pub(super) grams: (i64, i64),
    pub(super) fabric: &'static [&'static str],
}

const COLOURS: &[&str] = &["Schwarz", "Grün", "Blau", "Weiß", "Rosé"];
const SIZES: &[&str] = &["XS", "S", "M", "L", "XL"];
const FABRICS: &[&str] = &["Cotton", "Wool", "Linen", "Hemp & cotton"];

/// The kinds of products sold.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "Shirts",
        code: "SHI",
        category: "Apparel & Accessories > Clothing > Clothing Tops > Shirts",
        nouns: &["Shirt", "Blouse", "Flannel Shirt", "Polo"],
        options: &[("Size", SIZES), ("Color", COLOURS)],
        price: (1_490, 8_990),
        grams: (150, 420),
        fabric: FABRICS,
    },
    Type {
        name: "Jackets",
        code: "JAC",
        category: "Apparel & Accessories > Clothing > Outerwear > Coats & Jackets",
        nouns: &["Rain Jacket", "Parka", "Windbreaker", "Cardigan"],
        options: &[("Size", SIZES), ("Color", COLOURS), ("Lining", &["Light", "Warm"])],
        price: (5_900, 24_900),
        grams: (500, 1_600),
        fabric: FABRICS,
    },
    Type {
        name: "Kitchen",
        code: "KIT",
        category: "Home & Garden > Kitchen & Dining",
        nouns: &["Bowl", "Teapot", "Chopping Board", "Bread Box"],
        options: &[("Volume", &["0.5 l", "1 l", "1.5 l"])],
        price: (790, 6_490),
        grams: (300, 2_400),
        fabric: &[],
    },
    Type {
        name: "Lamps",
        code: "LAM",
        category: "Home & Garden > Lighting > Lamps",
        nouns: &["Desk Lamp", "Pendant Light", "Lantern"],
        options: &[("Material", &["Brass", "Steel", "Glass"]), ("Plug", &["EU", "UK"])],
        price: (2_900, 39_900),
        grams: (700, 5_200),
        fabric: &[],
    },
    Type {
        name: "Books",
        code: "BOO",
        category: "Media > Books",
        nouns: &["Cook Book", "Field Guide", "Sketch Book"],
        options: &[("Binding", &["Paperback", "Hardcover"])],
        price: (990, 4_900),
        grams: (180, 1_300),
        fabric: &[],
    },
    Type {
        name: "Furniture",
        code: "FUR",
        category: "Furniture > Chairs",
        nouns: &["Chair", "Stool", "Side Table", "Shelf"],
        options: &[("Wood", &["Oak", "Ash", "Walnut"]), ("Finish", &["Oiled", "Raw", "Painted"])],
        price: (6_900, 89_900),
        grams: (3_000, 18_000),
        fabric: &[],
    },
];

pub(super) const ADJECTIVES: &[&str] = &[
    "Quiet",
    "Nordic",
    "Alpine",
    "Everyday",
    "Little",
    "Handmade",
    "Grüne",
    "Süße",
    "Café",
    "Harbour",
    "Midnight",
    "Größe Null",
    "Olive",
    "Rustic",
    "\"Classic\"",
    "Bright",
    "Élégante",
];

pub(super) const MAKERS: &[&str] = &[
    "Nordlicht & Söhne",
    "Fennel, Rye & Co.",
    "Atelier Brûlé",
    "Kiefernholz GmbH",
    "Tidewater Goods",
    "Østwind",
    "Paper Lantern Ltd",
    "Umbra-Werk",
];

pub(super) const TAGS: &[&str] = &[
    "new",
    "sale",
    "handmade",
    "vegan",
    "gift idea",
    "bestseller",
    "größe+",
    "outdoor",
    "summer 2026",
    "fair trade",
];

pub(super) const COLLECTIONS: &[&str] = &[
    "Summer 2026",
    "Für die Küche",
    "Gifts under 50",
    "New in",
    "Zuhause & Garten",
    "Last chance",
    "Reading corner",
    "Rainy days",
    "Hand-picked",
    "Office",
    "Winter, early",
    "Lieblingsstücke",
];

pub(super) const SENTENCES: &[&str] = &[
    "Made in small runs, by hand, and checked twice.",
    "Our customers call it \"the one you keep\", and we agree.",
    "Süß, schlicht und für jeden Tag — größer, als man denkt.",
    "Weighs little; lasts long. Spare parts: yes, always.",
    "Perfect for kitchens, balconies, and rainy afternoons ☕️.",
    "5 % of the price goes to <em>reforestation</em> &amp; schools.",
    "Care: wipe with a damp cloth, never in the dishwasher 🚫.",
    "Délicat, mais solide : l'été comme l'hiver.",
];

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada", "Björn", "Carla", "Dmitri", "Élodie", "Fenja", "Gökhan", "Hanna", "Iñaki", "Jörg",
    "Käthe", "Liam", "Mira", "Noor", "Océane", "Petra", "Quentin", "Rosa", "Sörine", "Tomás",
    "Uma", "Veit", "Wanda", "Xaver", "Yuki", "Zoë",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Ackerfeld",
    "Brückmüller",
    "Castellario",
    "Dornwieser",
    "Ellingstad",
    "Fährmannsen",
    "Grünholdt",
    "Hartwick-Lowe",
    "Isenbrandt",
    "Jägerström",
    "Kettlewood",
    "Lindqvistson",
    "Möhrenfeld",
    "Nakamori",
    "O'Tannery",
    "Pfefferkornia",
    "Quastenberg",
    "Rübezahler",
    "Sandovalet",
    "Thörnblad",
    "Umberfield",
    "Vandermoor",
    "Weißenfelser",
    "Ypsilanter",
    "Zwölfender",
];

/// Last names whose UTF-8, read as Latin-1, is visibly broken.
pub(super) const UMLAUT_NAMES: &[&str] = &["Müllerau", "Schröderin", "Jägerhöfer", "Grünfärber"];

pub(super) const COMPANIES: &[&str] =
    &["Hafenbüro 7", "Tannhaus & Partner", "Blue Kettle Studio", "Atelier Nº 9, Inc."];

pub(super) const NOTES: &[&str] = &[
    "Please leave the parcel with the neighbours.",
    "Bitte als Geschenk verpacken 🎁,\nohne Rechnung!",
    "Call before delivery, \"after 5\" is best.",
    "Merci beaucoup — à bientôt.",
];

pub(super) const DISCOUNT_CODES: &[(&str, i64)] =
    &[("WELCOME10", 10), ("SOMMER15", 15), ("FRIENDS20", 20), ("NEWSLETTER5", 5)];

pub(super) const SHIPPING: &[(&str, i64)] =
    &[("Standard", 490), ("Express", 1_290), ("Free shipping", 0), ("Paket (versichert)", 690)];

pub(super) const PAYMENTS: &[&str] =
    &["Shopify Payments", "PayPal Express Checkout", "Klarna", "Bank Deposit"];
