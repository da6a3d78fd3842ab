"""How facts are judged and grouped, and what is known of each group to be left out of the model."""

HIT, NEAR = 1.25, 2.0  # factors within which a ratio counts as hit, or as near
HIT_SHARE, NEAR_SHARE = 0.05, 0.15  # the same for shares, as differences

GROUPS = {
    "prices": "Prices outside China",
    "prices by element": "Prices outside China, by element",
    "prices in China": "Prices inside China",
    "export tonnes": "China's exports, tonnes",
    "export unit value": "China's exports, unit value",
    "quota use": "Use of the quota",
    "share of China in Japanese imports": "China's share of Japan's imports",
    "literature": "Innovation, exports, productivity, losses",
}

# What the model and the scenario leave out, by structure; what that does to the fit is in the tables above each note.
NOTES = {
    "prices": """\
Not in the model: hoarding, panic, and expectations of tighter quotas to come. Its quota of 2011 is as tight as that of
2010, and growth of demand after the recession of 2009 is not in the path.
""",
    "prices in China": """\
In the model a restriction of exports makes oxides cheaper at home, or hardly dearer. What raised prices inside China
in 2011 (purchases by the state, the campaign against illegal mines, speculation) is outside the scenario.
""",
    "quota use": """\
Not in the scenario: smuggling, the stocks abroad of 2010, and the fall of demand after the price peak. Customs and
quota do not count the same tonnes.
""",
    "share of China in Japanese imports": """\
Customs data count oxides that third countries refined from Chinese material as theirs; the base year attributes more to
China. Mines that Japan paid for are in `allied-capacity`, not here.
""",
    "literature": """\
Rare earths are a small part of cost even in the exposed sectors, so effects through cost alone are small. Definitions
differ: the studies use firms and patents by industry, the model sectors of twelve regions.
""",
}
