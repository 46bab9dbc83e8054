import { testShortForms } from "./short-forms.js";

testShortForms("postgres");
