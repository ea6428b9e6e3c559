"""A learner's code in the race: python3 -m unittest, from any folder."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import trees
import learner
import own_race
import project
import race_samples
import standings


class Racing(unittest.TestCase):
    """The learner's line in the race's picture."""

    def test_unwritten_code_does_not_race(self):
        with tempfile.TemporaryDirectory() as folder:
            learner.begin("day04", Path(folder), {"Push": ["Push"]})
            with mock.patch.object(learner.Folder, "open_topics",
                                   return_value=["Push"]), \
                    self.assertRaisesRegex(project.Failure,
                                           "Push is not written yet"):
                own_race.run(learner.Folder(folder))

    def race(self, mine, theirs):
        """A run in which both took these nanoseconds, row by row."""
        name = own_race.MINE.format(day="day04")
        runs = [race_samples.one_run(row, "malloc", 40.0)
                for row in race_samples.ROWS]
        for who, times in (("day04", theirs), (name, mine)):
            runs += [race_samples.one_run(row, who, time)
                     for row, time in zip(race_samples.ROWS, times)]
        return own_race.duel(standings.Results(
            race_samples.results_of(runs)), "day04", name)

    def test_the_picture_shows_one_run_and_moves_the_other_days_to_it(self):
        known = standings.Results(race_samples.whole_race(4))
        count = len(race_samples.ROWS)
        found = self.race([80.0] * count, [160.0] * count)
        points = {}
        with mock.patch.object(own_race.chart, "ladder") as ladder:
            own_race.picture(known, "day04", found)
        points = {point.label: point.value for point in ladder.call_args[0][2]}
        # The other run had day 4 at 1280 ns, malloc at 40.
        self.assertAlmostEqual(points["day04"], 4)
        self.assertAlmostEqual(points["yours"], 2)
        self.assertAlmostEqual(points["day03"], 8)
        self.assertAlmostEqual(points["malloc"], 1)
        self.assertAlmostEqual(points["jemalloc"], 30 / 320)
        caption = ladder.call_args[0][1]
        self.assertIn("day04 and malloc: another run's, times 0.12", caption)
        self.assertLess(own_race.chart.text_width(caption, 11), 744)

    def test_without_another_run_the_picture_is_of_this_one(self):
        picture = own_race.picture(None, "day04", self.race([80.0], [160.0]))
        for words in ("yours: 2×", "day04: 4×", "malloc: 1×"):
            self.assertIn(words, picture)
        self.assertNotIn("another run", picture)

    def test_only_rows_that_both_have_are_compared(self):
        found = self.race([80.0, 20.0], [40.0])
        self.assertEqual((found.mine, found.theirs), ([2.0], [1.0]))

    def test_what_may_be_chance_is_said_to_be(self):
        def said(mine):
            words = own_race.summary(self.race(mine, [100.0] * 8), "day04")
            self.assertLessEqual(max(map(len, words.splitlines())), 80)
            return " ".join(words.split())
        self.assertIn("over 8 rows, each measured once. Yours takes 0.99 ×",
                      said([70.0, 140.0] * 4))
        self.assertIn("from 0.70 × to 1.40 ×: within noise of day04.",
                      said([70.0, 140.0] * 4))
        self.assertTrue(said([70.0, 72.0] * 4).endswith("faster."))
        self.assertTrue(said([130.0, 132.0] * 4).endswith("slower."))

    def test_the_report_counts_the_rows_that_it_shows(self):
        results = standings.Results(race_samples.whole_race(4))
        count = len(results.lines)
        page = own_race.report.page(results)
        self.assertIn(f">{count} rows, ", page)
        self.assertIn(f"geometric mean of {count} rows", page)


if __name__ == "__main__":
    unittest.main()
