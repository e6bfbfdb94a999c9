"""inquest drill on this machine: each way is really tried, and what cannot be kept is said."""

import json
import unittest

import e2e


class Drill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_of_all = e2e.inquest("drill", "--json", timeout=240)
        cls.trials = {trial["name"]: trial for trial in json.loads(cls.run_of_all.out)["trials"]}

    def test_every_way_that_needs_no_right_keeps_and_explains_the_crash(self):
        for name in ("preload", "abort", "worker-overflow", "ptrace", "static", "snapshot", "restart"):
            trial = self.trials[name]
            self.assertTrue(trial["ran"] and trial["captured"] and trial["explained"], trial)

    def test_the_time_to_the_next_start_is_told(self):
        self.assertGreater(self.trials["restart"]["milliseconds"], 0)

    def test_the_exit_code_follows_the_results(self):
        good = all(t["skipped"] or (t["ran"] and t["captured"] and t["explained"]) for t in self.trials.values())
        self.assertEqual(self.run_of_all.status, 0 if good else 3)

    def test_what_was_not_tried_says_why(self):
        for trial in self.trials.values():
            if trial["skipped"]:
                self.assertTrue(trial["why"], trial)

    def test_a_program_of_yours_is_crashed_with_your_consent_alone(self):
        def own(*options):
            run = e2e.inquest("drill", "--json", "--after", "200", *options, "--", "/bin/sleep", "100", timeout=240)
            return json.loads(run.out)["trials"][-1]
        spared = own()
        self.assertTrue(spared["skipped"])
        self.assertIn("--crash-it", spared["why"])
        crashed = own("--crash-it")
        self.assertTrue(crashed["captured"], crashed)


if __name__ == "__main__":
    unittest.main()
