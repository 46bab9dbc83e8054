import { testShortForms } from "./short-forms.js";

testShortForms("sqlite");
