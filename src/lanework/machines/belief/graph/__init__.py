"""What a person writes: factor graphs, and files of them.

`files` knows a format by its ending or its text and hands on to `bif` (whose blocks `bifblocks`
reads, and whose tables `biftables`), `xmlbif`, `uai` or `jsonform`, each with a reader and a
writer; long texts become `words`. `refusal` says where in a file a graph was refused, and what a
format cannot hold. They all make a `FactorGraph` (`model`) of the variables and tables of `factor`,
checked as `contents` has them, which `drawing` shows.
"""
