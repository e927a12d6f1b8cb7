//! Countries to live in: addresses in their form, telephone numbers from ranges that national
//! regulators keep free for fiction, and their taxes.

use super::money::Currency;
use super::random::Dice;

/// A country the shop sells to.
pub(super) struct Country {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) currency: Currency,
    /// Full taxes and a reduced one, name and rate in tenths of a percent.
    pub(super) taxes: &'static [(&'static str, i64)],
    pub(super) reduced: Option<(&'static str, i64)>,
    /// Whether prices contain the tax.
    pub(super) inclusive: bool,
    /// City, province code and province name.
    pub(super) cities: &'static [(&'static str, &'static str, &'static str)],
    pub(super) streets: &'static [&'static str],
    /// `9` a digit, `A` a letter, anything else itself.
    zip: &'static str,
    /// As `zip`; empty where no range for fiction is known.
    phone: &'static str,
    number_first: bool,
}

impl Country {
    pub(super) fn zip(&self, dice: &mut Dice) -> String {
        fill(self.zip, dice)
    }

    pub(super) fn phone(&self, dice: &mut Dice) -> String {
        fill(self.phone, dice)
    }

    pub(super) fn street(&self, dice: &mut Dice) -> String {
        let street = dice.pick(self.streets);
        let number = dice.between(1, 148);
        if self.number_first { format!("{number} {street}") } else { format!("{street} {number}") }
    }
}

fn fill(pattern: &str, dice: &mut Dice) -> String {
    let letters = ['A', 'B', 'D', 'E', 'H', 'L', 'N', 'R', 'S', 'T', 'W', 'Y'];
    let sign = |sign| match sign {
        '9' => char::from(b'0' + dice.below(10) as u8),
        'A' => dice.pick(&letters),
        other => other,
    };
    // `#` protects a literal 9 in telephone numbers.
    pattern.chars().map(sign).map(|sign| if sign == '#' { '9' } else { sign }).collect()
}

/// The countries, the home market first; earlier ones have more customers.
pub(super) const COUNTRIES: &[Country] = &[
    Country {
        code: "DE",
        name: "Germany",
        currency: Currency::Eur,
        taxes: &[("MwSt. 19%", 190)],
        reduced: Some(("MwSt. 7%", 70)),
        inclusive: true,
        cities: &[
            ("Berlin", "BE", "Berlin"),
            ("München", "BY", "Bayern"),
            ("Köln", "NW", "Nordrhein-Westfalen"),
            ("Görlitz", "SN", "Sachsen"),
        ],
        streets: &["Lindenstraße", "Am Mühlbach", "Bäckergasse", "Hafenweg", "Schöne Aussicht"],
        zip: "19999",
        phone: "+4#3023125999",
        number_first: false,
    },
    Country {
        code: "US",
        name: "United States",
        currency: Currency::Usd,
        taxes: &[("State Tax 7.3%", 73), ("County Tax 2.2%", 22)],
        reduced: None,
        inclusive: false,
        cities: &[
            ("Portland", "OR", "Oregon"),
            ("Springfield", "IL", "Illinois"),
            ("San José", "CA", "California"),
            ("Brooklyn", "NY", "New York"),
        ],
        streets: &["Maple Street", "2nd Avenue", "O'Hara Drive", "Lakeview Blvd, Suite B"],
        zip: "09999",
        phone: "+13125550199",
        number_first: true,
    },
    Country {
        code: "GB",
        name: "United Kingdom",
        currency: Currency::Gbp,
        taxes: &[("VAT 20%", 200)],
        reduced: None,
        inclusive: true,
        cities: &[
            ("London", "ENG", "England"),
            ("Glasgow", "SCT", "Scotland"),
            ("Cardiff", "WLS", "Wales"),
        ],
        streets: &["Mill Lane", "Kingfisher Row", "The Old Brewery, High Street"],
        zip: "AA9 9AA",
        phone: "+44207#460999",
        number_first: true,
    },
    Country {
        code: "FR",
        name: "France",
        currency: Currency::Eur,
        taxes: &[("TVA 20%", 200)],
        reduced: Some(("TVA 5.5%", 55)),
        inclusive: true,
        cities: &[("Paris", "", ""), ("Besançon", "", ""), ("Nîmes", "", "")],
        streets: &["rue de l'Église", "allée des Châtaigniers", "quai Sainte-Thérèse"],
        zip: "29999",
        phone: "+331##009999",
        number_first: true,
    },
    Country {
        code: "JP",
        name: "Japan",
        currency: Currency::Jpy,
        taxes: &[("消費税 10%", 100)],
        reduced: Some(("消費税 8%", 80)),
        inclusive: false,
        cities: &[("渋谷区", "JP-13", "Tōkyō"), ("京都市", "JP-26", "Kyōto")],
        streets: &["桜丘町", "本町通"],
        zip: "199-9999",
        phone: "",
        number_first: false,
    },
    Country {
        code: "CA",
        name: "Canada",
        currency: Currency::Usd,
        taxes: &[("GST 5%", 50), ("QST 9.9%", 99)],
        reduced: None,
        inclusive: false,
        cities: &[("Montréal", "QC", "Quebec"), ("Trois-Rivières", "QC", "Quebec")],
        streets: &["rue Saint-Hélène", "Chemin du Lac"],
        zip: "H9A 9A9",
        phone: "+15145550199",
        number_first: true,
    },
    Country {
        code: "SE",
        name: "Sweden",
        currency: Currency::Eur,
        taxes: &[("Moms 25%", 250)],
        reduced: None,
        inclusive: true,
        cities: &[("Göteborg", "", ""), ("Malmö", "", ""), ("Örebro", "", "")],
        streets: &["Björkvägen", "Östra Ågatan"],
        zip: "419 99",
        phone: "+46701740629",
        number_first: false,
    },
];

/// Where the next customer lives: half of them at home.
pub(super) fn country(dice: &mut Dice, currencies: &[Currency]) -> &'static Country {
    let sold: Vec<&Country> =
        COUNTRIES.iter().filter(|country| currencies.contains(&country.currency)).collect();
    let home = &COUNTRIES[0];
    if sold.is_empty() || (currencies.contains(&home.currency) && dice.chance(45)) {
        return home;
    }
    sold[dice.below(sold.len())]
}
