"""How results are shown: tables, pages, intervals, progress."""
