"""The page about the sample company, as Markdown; ``docs/sample.md`` is this text.

The numbers come from ``truth``; ``python -m warehouse.sample.page > docs/sample.md`` writes it anew.
"""

import sys

from warehouse.sample import truth

_OPENING = """\
# The sample company

This page is made by `python -m warehouse.sample.page > docs/sample.md`. To change a number, change
`warehouse/sample/truth.py`.

`dealhouse sample --out DIR` writes the events of an invented company that sells courses and software: to people by
subscription, to organisations through deals, to advertisers through MasterDeals; with a studio, two tenants that sell
in messengers, and a dealer shop. By default it has 500 accounts and lives 400 days, until 30 June 2026, which makes
about 240,000 events of all inbound types.

| option | meaning |
| --- | --- |
| `--days 400` | length of its life |
| `--accounts 500` | its size; leads, deals, chats and orders are in proportion. 2,100 accounts make a million events |
| `--seed 7` | of all randomness |
| `--until 2026-06-30` | its last day; never today, so that the same arguments give the same bytes on every day |
| `--gzip` | write `.ndjson.gz` |

Nothing in it is real: names are made of syllables, e-mail addresses end in `example.com` and `example.org`, phone
numbers begin with +999, which belongs to nobody.

## How it arrives

One NDJSON file per month of arrival, `events-2026-06.ndjson`. Most events arrive within a minute of their time;
those that come later may stand in the file of a later month. `web` and `shop` leave out `specversion` and the default
tenant; messengers and the shop write times with the offset of their country, the others in UTC.

## Who is in it

| tenant | what it is | events of |
| --- | --- | --- |
| `default` | the company: people, organisations, advertising, studio | all sources but `shop` and `calendar` |
| `panels-almaty`, `cottages-kyiv` | messengers with an AI manager; they number their leads alike | `crm`, `chat` |
| `insoles` | the dealer shop, in UAH | `crm`, `calendar`, `shop`, `billing`, `finance` |

Amounts are in USD, EUR, RUB, UAH and KZT, with rates on every working day. A few deals are in GEL, for which no rate
is ever published.

## What is planted

`dealhouse sample` prints how many there are of each.

| planted | as |
| --- | --- |
| exact duplicates | the same line once more, up to some days later |
| late events | in the file of a later month than their time |
| unknown fields | `app_version` in logins and sessions |
| `malformed_json` | a line cut off |
| `missing_attribute` | a login without `id` |
| `unsupported_specversion` | an e-mail event of version 0.3 |
| `unknown_type` | `crm.lead.archived` |
| `future_time` | a session in the year 2199 |
| `missing_field` | a lead with `lead_source` null |
| `wrong_type` | a session whose `page_views` is an object |
| `invalid_value` | a lead from the source `billboard` |
| `conflicting_duplicate` | a lead sent again under its id, with another city |
| double entries | leads, accounts and contacts under a second id (`…-X`), a part of which somebody merges |
| corrections | ad spend that a later report for the same day replaces |
| disorder | MasterDeals whose media plan is stamped before their brief |
| a null experiment | `subject-line`; the other one, `onboarding-checklist`, has a lift |

## What is true

What models must find. Log-odds add up in one logistic model per outcome; a share is a probability.

"""

_CLOSING = """
Leads drive conversion by what happens in their first seven days, trial and activation included; nobody converts
earlier, and sales has judged by then, from these drivers alone. A payment that failed at first is paid by a retry of
the same id. Whoever uses what an organisation has bought is a contact of it. A hidden satisfaction moves use, tickets
and survey answers of a subscriber; only these enter the hazard of leaving, which is decided half a day before the
month ends. Deals that will be lost take longer, so that they are pushed more often and keep silent more.
"""


def markdown() -> str:
    """Render the page."""
    return f"{_OPENING}{truth.table()}\n{_CLOSING}"


if __name__ == "__main__":
    sys.stdout.write(markdown())
