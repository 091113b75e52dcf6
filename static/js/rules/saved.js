// The page of a rule: what was typed in the editor has arrived, so the tab need not keep it.

import { forgetSentDraft } from "./draft.js";

forgetSentDraft();
