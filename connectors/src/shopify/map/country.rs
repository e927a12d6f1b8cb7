//! Countries by their codes (ISO 3166-1 alpha-2, and `XK`, which shops use for Kosovo) and by
//! their English names as shops write them.

/// The code of a country written as a code or as an English name, in any case.
pub(super) fn code(text: &str) -> Option<&'static str> {
    let wanted = text.trim().to_lowercase();
    let is_wanted = |(code, name): &&(&'static str, &'static str)| {
        *name == wanted || code.eq_ignore_ascii_case(&wanted)
    };
    COUNTRIES.iter().chain(OTHER_NAMES).find(is_wanted).map(|(code, _)| *code)
}

#[rustfmt::skip]
const COUNTRIES: &[(&str, &str)] = &[
    ("AD", "andorra"), ("AE", "united arab emirates"), ("AF", "afghanistan"),
    ("AG", "antigua and barbuda"), ("AI", "anguilla"), ("AL", "albania"), ("AM", "armenia"),
    ("AO", "angola"), ("AQ", "antarctica"), ("AR", "argentina"), ("AS", "american samoa"),
    ("AT", "austria"), ("AU", "australia"), ("AW", "aruba"), ("AX", "åland islands"),
    ("AZ", "azerbaijan"), ("BA", "bosnia and herzegovina"), ("BB", "barbados"),
    ("BD", "bangladesh"), ("BE", "belgium"), ("BF", "burkina faso"), ("BG", "bulgaria"),
    ("BH", "bahrain"), ("BI", "burundi"), ("BJ", "benin"), ("BL", "saint barthélemy"),
    ("BM", "bermuda"), ("BN", "brunei"), ("BO", "bolivia"), ("BQ", "caribbean netherlands"),
    ("BR", "brazil"), ("BS", "bahamas"), ("BT", "bhutan"), ("BV", "bouvet island"),
    ("BW", "botswana"), ("BY", "belarus"), ("BZ", "belize"), ("CA", "canada"),
    ("CC", "cocos (keeling) islands"), ("CD", "democratic republic of the congo"),
    ("CF", "central african republic"), ("CG", "congo"), ("CH", "switzerland"),
    ("CI", "côte d'ivoire"), ("CK", "cook islands"), ("CL", "chile"), ("CM", "cameroon"),
    ("CN", "china"), ("CO", "colombia"), ("CR", "costa rica"), ("CU", "cuba"),
    ("CV", "cape verde"), ("CW", "curaçao"), ("CX", "christmas island"), ("CY", "cyprus"),
    ("CZ", "czech republic"), ("DE", "germany"), ("DJ", "djibouti"), ("DK", "denmark"),
    ("DM", "dominica"), ("DO", "dominican republic"), ("DZ", "algeria"), ("EC", "ecuador"),
    ("EE", "estonia"), ("EG", "egypt"), ("EH", "western sahara"), ("ER", "eritrea"),
    ("ES", "spain"), ("ET", "ethiopia"), ("FI", "finland"), ("FJ", "fiji"),
    ("FK", "falkland islands"), ("FM", "micronesia"), ("FO", "faroe islands"), ("FR", "france"),
    ("GA", "gabon"), ("GB", "united kingdom"), ("GD", "grenada"), ("GE", "georgia"),
    ("GF", "french guiana"), ("GG", "guernsey"), ("GH", "ghana"), ("GI", "gibraltar"),
    ("GL", "greenland"), ("GM", "gambia"), ("GN", "guinea"), ("GP", "guadeloupe"),
    ("GQ", "equatorial guinea"), ("GR", "greece"),
    ("GS", "south georgia and the south sandwich islands"), ("GT", "guatemala"), ("GU", "guam"),
    ("GW", "guinea-bissau"), ("GY", "guyana"), ("HK", "hong kong"),
    ("HM", "heard island and mcdonald islands"), ("HN", "honduras"), ("HR", "croatia"),
    ("HT", "haiti"), ("HU", "hungary"), ("ID", "indonesia"), ("IE", "ireland"), ("IL", "israel"),
    ("IM", "isle of man"), ("IN", "india"), ("IO", "british indian ocean territory"),
    ("IQ", "iraq"), ("IR", "iran"), ("IS", "iceland"), ("IT", "italy"), ("JE", "jersey"),
    ("JM", "jamaica"), ("JO", "jordan"), ("JP", "japan"), ("KE", "kenya"), ("KG", "kyrgyzstan"),
    ("KH", "cambodia"), ("KI", "kiribati"), ("KM", "comoros"), ("KN", "saint kitts and nevis"),
    ("KP", "north korea"), ("KR", "south korea"), ("KW", "kuwait"), ("KY", "cayman islands"),
    ("KZ", "kazakhstan"), ("LA", "laos"), ("LB", "lebanon"), ("LC", "saint lucia"),
    ("LI", "liechtenstein"), ("LK", "sri lanka"), ("LR", "liberia"), ("LS", "lesotho"),
    ("LT", "lithuania"), ("LU", "luxembourg"), ("LV", "latvia"), ("LY", "libya"),
    ("MA", "morocco"), ("MC", "monaco"), ("MD", "moldova"), ("ME", "montenegro"),
    ("MF", "saint martin"), ("MG", "madagascar"), ("MH", "marshall islands"),
    ("MK", "north macedonia"), ("ML", "mali"), ("MM", "myanmar"), ("MN", "mongolia"),
    ("MO", "macao"), ("MP", "northern mariana islands"), ("MQ", "martinique"),
    ("MR", "mauritania"), ("MS", "montserrat"), ("MT", "malta"), ("MU", "mauritius"),
    ("MV", "maldives"), ("MW", "malawi"), ("MX", "mexico"), ("MY", "malaysia"),
    ("MZ", "mozambique"), ("NA", "namibia"), ("NC", "new caledonia"), ("NE", "niger"),
    ("NF", "norfolk island"), ("NG", "nigeria"), ("NI", "nicaragua"), ("NL", "netherlands"),
    ("NO", "norway"), ("NP", "nepal"), ("NR", "nauru"), ("NU", "niue"), ("NZ", "new zealand"),
    ("OM", "oman"), ("PA", "panama"), ("PE", "peru"), ("PF", "french polynesia"),
    ("PG", "papua new guinea"), ("PH", "philippines"), ("PK", "pakistan"), ("PL", "poland"),
    ("PM", "saint pierre and miquelon"), ("PN", "pitcairn islands"), ("PR", "puerto rico"),
    ("PS", "palestine"), ("PT", "portugal"), ("PW", "palau"), ("PY", "paraguay"), ("QA", "qatar"),
    ("RE", "réunion"), ("RO", "romania"), ("RS", "serbia"), ("RU", "russia"), ("RW", "rwanda"),
    ("SA", "saudi arabia"), ("SB", "solomon islands"), ("SC", "seychelles"), ("SD", "sudan"),
    ("SE", "sweden"), ("SG", "singapore"), ("SH", "saint helena"), ("SI", "slovenia"),
    ("SJ", "svalbard and jan mayen"), ("SK", "slovakia"), ("SL", "sierra leone"),
    ("SM", "san marino"), ("SN", "senegal"), ("SO", "somalia"), ("SR", "suriname"),
    ("SS", "south sudan"), ("ST", "são tomé and príncipe"), ("SV", "el salvador"),
    ("SX", "sint maarten"), ("SY", "syria"), ("SZ", "eswatini"),
    ("TC", "turks and caicos islands"), ("TD", "chad"), ("TF", "french southern territories"),
    ("TG", "togo"), ("TH", "thailand"), ("TJ", "tajikistan"), ("TK", "tokelau"),
    ("TL", "timor-leste"), ("TM", "turkmenistan"), ("TN", "tunisia"), ("TO", "tonga"),
    ("TR", "turkey"), ("TT", "trinidad and tobago"), ("TV", "tuvalu"), ("TW", "taiwan"),
    ("TZ", "tanzania"), ("UA", "ukraine"), ("UG", "uganda"),
    ("UM", "united states minor outlying islands"), ("US", "united states"), ("UY", "uruguay"),
    ("UZ", "uzbekistan"), ("VA", "vatican city"), ("VC", "saint vincent and the grenadines"),
    ("VE", "venezuela"), ("VG", "british virgin islands"), ("VI", "united states virgin islands"),
    ("VN", "vietnam"), ("VU", "vanuatu"), ("WF", "wallis and futuna"), ("WS", "samoa"),
    ("XK", "kosovo"), ("YE", "yemen"), ("YT", "mayotte"), ("ZA", "south africa"), ("ZM", "zambia"),
    ("ZW", "zimbabwe"),
];

#[rustfmt::skip]
const OTHER_NAMES: &[(&str, &str)] = &[
    ("BN", "brunei darussalam"), ("BQ", "bonaire, sint eustatius and saba"),
    ("CD", "congo - kinshasa"), ("CG", "congo - brazzaville"), ("CG", "republic of the congo"),
    ("CI", "ivory coast"), ("CV", "cabo verde"), ("CZ", "czechia"),
    ("FK", "falkland islands (malvinas)"), ("GB", "great britain"), ("GB", "england"),
    ("GB", "scotland"), ("GB", "wales"), ("GB", "northern ireland"), ("HK", "hong kong sar"),
    ("IR", "iran, islamic republic of"), ("KN", "st. kitts & nevis"),
    ("KP", "korea, democratic people's republic of"), ("KR", "korea, republic of"),
    ("KR", "republic of korea"), ("KR", "korea"), ("LA", "lao people's democratic republic"),
    ("MK", "macedonia"), ("MK", "macedonia, republic of"), ("MM", "burma"), ("MO", "macau"),
    ("MO", "macao sar"), ("NL", "holland"), ("NL", "the netherlands"),
    ("PS", "palestinian territory"), ("PS", "palestinian territories"),
    ("RU", "russian federation"), ("SY", "syrian arab republic"), ("SZ", "swaziland"),
    ("TL", "east timor"), ("TR", "türkiye"), ("TZ", "tanzania, united republic of"), ("US", "usa"),
    ("US", "united states of america"), ("VA", "holy see"),
    ("VA", "holy see (vatican city state)"), ("VC", "st. vincent"), ("VN", "viet nam"),
    ("MD", "moldova, republic of"), ("BO", "plurinational state of bolivia"),
    ("VE", "bolivarian republic of venezuela"), ("TW", "taiwan, province of china"),
    ("RE", "reunion"), ("CW", "curacao"), ("AX", "aland islands"),
    ("FM", "federated states of micronesia"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_code_or_name_in_any_case() {
        for text in ["DE", "de", " Germany ", "GERMANY"] {
            assert_eq!(code(text), Some("DE"), "{text}");
        }
        assert_eq!(code("Holland"), Some("NL"));
        assert_eq!(code("Ruritania"), None);
        assert_eq!(code("ZZ"), None);
        // ISO 3166-1 has 249 codes; Kosovo is the one more.
        assert_eq!(COUNTRIES.len(), 250);
    }
}
